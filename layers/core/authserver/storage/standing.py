"""The present ends, from one read, to be compared with the epochs that something began under."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.ends import NOTHING, Begun, ClientEnd, Deployment, OrganisationEnd, SubjectEnd
from authserver.records import dataclass, replace

if TYPE_CHECKING:
    from authserver.models.clients import Client
    from authserver.models.organisations import Membership, Organisation
    from authserver.models.tokens import AccessTokenRecord, Authorization, DeviceRequest
    from authserver.models.users import User


@dataclass(frozen=True, slots=True)
class Ends:
    """The present ends of those that were asked for; the others have ends that end nothing.

    `client_key` is `tokens.opaque.key_of` the client, in base64url. `organisation_key` is empty if none was asked for,
    and `membership` None if there is none.
    """

    deployment: Deployment = Deployment()
    subject: SubjectEnd = SubjectEnd()
    client: ClientEnd = ClientEnd()
    organisation: OrganisationEnd = OrganisationEnd()
    membership: Membership | None = None
    client_key: str = ""
    organisation_key: str = ""

    def begun(self, approver: str = "", widener: str = "") -> Begun:
        """The epochs for something that begins now: by the approval of `approver` and with the companies that `widener`
        added (keys), or without."""
        membership, approvers = self.membership, self.organisation.approvers
        return Begun(
            era=self.deployment.era,
            subject=self.subject.epoch,
            client=self.client.epoch,
            grant=self.subject.grant(self.client_key),
            organisation=self.organisation.epoch,
            installation=self.organisation.clients.get(self.client_key, 0),
            membership=membership.epoch if membership else "",
            member_grant=membership.clients.get(self.client_key, 0) if membership else 0,
            approver=approver,
            approval=approvers.get(approver, 0) if approver else 0,
            widener=widener,
            widening=approvers.get(widener, 0) if widener else 0,
        )

    def for_client(self, client_key: str, epoch: int) -> Ends:
        """The same with a client whose epoch was read elsewhere (`models.clients.Client.epoch`)."""
        return replace(self, client=ClientEnd(epoch=epoch), client_key=client_key)

    def of_api_keys(self) -> Ends:
        """The same ends as API keys are compared with: a new password ends no key, so a count of their own takes the
        place of the subject's epoch. `approvers` says whether the carrier of an organisation's key is still an
        administrator."""
        subject = replace(self.subject, epoch=self.subject.api_keys, grants={})
        return replace(self, subject=subject, membership=None, organisation_key="")

    @property
    def is_suspended(self) -> bool:
        """Whether nothing stands, whenever it began."""
        if self.organisation_key and self.membership is None:
            return True
        return bool(self.subject.suspended or self.client.suspended or self.organisation.suspended)

    def stand(self, begun: Begun, sessions: int | None = None) -> bool:
        """Whether something that began so stands: each of its counters is the present one, and nothing is suspended.

        `sessions` is compared if it is given.
        """
        return not self.is_suspended and self._are_as(begun, sessions)

    def are_behind(self, begun: Begun, sessions: int | None = None) -> bool:
        """Whether these ends are older than those that something began under, and have to be read again."""
        if (sessions or 0) > self.subject.sessions:
            return True
        return begun != NOTHING and begun.is_after(self.begun(begun.approver, begun.widener))

    def _are_as(self, begun: Begun, sessions: int | None) -> bool:
        return self.begun(begun.approver, begun.widener) == begun and sessions in (None, self.subject.sessions)


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that decides whether a token stands, from one read.

    `is_revoked` says whether that one access token was revoked. `client`, `organisation`, `user` and `device` are the
    records, if they were asked for.
    """

    ends: Ends = Ends()
    client: Client | None = None
    authorization: Authorization | None = None
    access_token: AccessTokenRecord | None = None
    is_revoked: bool = False
    organisation: Organisation | None = None
    user: User | None = None
    device: DeviceRequest | None = None

    def stands(self, authorization: Authorization) -> bool:
        """Whether nothing has ended the authorization since it began. Its own revocation and expiry are not checked."""
        return self.ends.stand(authorization.begun, authorization.sessions)
