"""What a list is about, read together: the users and clients that its records name, and what of them still stands."""

from collections.abc import Iterable
from dataclasses import replace

from authserver.models.browsers import Consent
from authserver.models.clients import Client
from authserver.models.invitations import Approval
from authserver.models.tokens import Authorization
from authserver.models.users import User
from authserver.services import Services
from authserver.storage.standing import Ends
from authserver.storage.tokens import Whose


class PresentEnds:
    """The ends of subjects, clients and organisations as they were when they were first asked for: of all that the list
    is `about` at once.
    """

    def __init__(self, services: Services, about: Iterable[Authorization | Consent | Approval] = ()) -> None:
        self._tokens = services.tokens
        self._read = self._tokens.ends_of(map(_whose, about))

    def let_stand(self, authorization: Authorization) -> bool:
        """Whether nothing has ended the authorization: neither its own revocation nor anything that it was begun
        under."""
        ends = self._of(authorization)
        return authorization.revoked_at is None and ends.stand(authorization.begun, authorization.sessions)

    def let_consent_stand(self, consent: Consent) -> bool:
        """Whether nothing has ended the consent."""
        return self._of(consent).stand(consent.begun)

    def let_approval_stand(self, approval: Approval) -> bool:
        """Whether nothing has ended what a member asked, nor the answer; the member's password has no part in it."""
        ends = self._of(approval)
        return ends.stand(replace(approval.begun, subject=ends.subject.epoch))

    def _of(self, record: Authorization | Consent | Approval) -> Ends:
        whose = _whose(record)
        if whose not in self._read:
            self._read |= self._tokens.ends_of((whose,))
        return self._read[whose]


class Known:
    """The users and the clients that a list names, as they are now."""

    def __init__(self, services: Services, users: Iterable[str] = (), clients: Iterable[str] = ()) -> None:
        self._users = services.users.get_all(dict.fromkeys(filter(None, users)))
        self._clients = services.clients.get_all(dict.fromkeys(clients))

    def user(self, sub: str) -> User | None:
        return self._users.get(sub)

    def client(self, client_id: str) -> Client | None:
        return self._clients.get(client_id)

    def username(self, sub: str) -> str:
        """What the user's account is known as; empty if there is none any more."""
        user = self._users.get(sub)
        return user.known_as if user else ""

    def name(self, sub: str) -> str:
        """What the user is called, likewise."""
        user = self._users.get(sub)
        return (user.name or user.known_as) if user else ""

    def client_name(self, client_id: str) -> str:
        """What the application is called; one that there is not any more, by its identifier."""
        client = self._clients.get(client_id)
        return client.client_name if client else client_id


def _whose(record: Authorization | Consent | Approval) -> Whose:
    organisation = "" if isinstance(record, Consent) else record.organisation
    return Whose(record.subject, record.client_id, organisation)
