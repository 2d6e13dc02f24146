"""Whatever takes a power away: each verb is one atomic write of the record and of the end that it raises.

No other port has a verb after which less is allowed than before, and none of these needs a second write to be true: a
process that dies before or after it leaves everything as it was, or everything gone. What cannot be done because of
others who write the same at the same instant is tried again, and raises `errors.TemporarilyUnavailable` in the end.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from authserver.records import dataclass
from authserver.storage.revocations import RevocationStore
from authserver.storage.users import MAPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.models.browsers import OneTimeLink, Session
    from authserver.models.clients import Client
    from authserver.models.factors import Factors
    from authserver.models.invitations import Approval
    from authserver.models.keys import Ring
    from authserver.models.organisations import Membership, Organisation
    from authserver.models.tokens import Authorization
    from authserver.models.users import Identity, User
    from authserver.resources import ResourceCatalogue
    from authserver.scopes import ScopeCatalogue

# What ends everything of a user's where it is changed, and what does not.
USER_FIELDS = frozenset({"name", "email", "email_verified", "updated_at", "status", "operator", *MAPS})


@dataclass(frozen=True, slots=True)
class Others:
    """Who remains when a user is deleted: another operator, if the user is one, and another administrator of each
    organisation that the user administers, by its identifier.

    Empty for an organisation that needs no administrator, because it is disabled or deleted.
    """

    operator: str = ""
    administrators: Mapping[str, str] = field(default_factory=dict)


class WithdrawalStore(RevocationStore, Protocol):
    # -- tokens

    def set_entities(
        self,
        authorization_id: str,
        organisation: str,
        entities: frozenset[str],
        was: frozenset[str],
    ) -> Authorization | None:
        """Changes the companies that an authorization of `organisation` reaches; it as it is now.

        None if there is none such, it is revoked, or it reaches others than it `was` believed to, and than these.
        """

    # -- API keys

    def end_api_key(self, key_id: str) -> bool:
        """Ends an API key; False if there is none of this identifier."""

    def end_api_keys(self, subject: str) -> None:
        """Ends all the API keys of a user, and those of organisations that the user carries."""

    # -- ends

    def end(self, *, subject: str | None = None, client_id: str | None = None, organisation: str | None = None) -> None:
        """Ends all that was begun for one of the three, or between two of them."""

    def end_grants(self, subject: str) -> None:
        """Ends all that was begun between the subject and any client; the subject's browsers stay signed in."""

    def end_sessions(self, subject: str, survivor: Session | None = None) -> Session | None:
        """Signs every browser of the subject out; applications stay connected.

        The `survivor` stays signed in, under the counter that this very write makes: it as it is now. None if there is
        no survivor, or it was ended before; then nothing is written for it.
        """

    def end_session(self, session_id: str) -> None:
        """Signs a browser out; idempotent."""

    def forget_consent(self, subject: str, client_id: str) -> None:
        """The subject is asked again; idempotent."""

    def withdraw_approval(self, approval: Approval) -> bool:
        """Takes an answer or a question back, and ends what the member granted the client for the organisation.

        False if there is none any more.
        """

    # -- users

    def set_password(self, sub: str, password_hash: str) -> bool:
        """Sets a password and ends all that the user had; False if there is no such user."""

    def replace_password(self, user: User, password_hash: str, session: Session, successor: Session) -> bool:
        """Sets the user's own password in place of the one in `user`, and ends all that the user had but `successor`.

        That session takes the place of `session`, under the epochs that this very write makes (those in `successor`,
        which are one ahead of those in `session`). False if the password or the session was changed meanwhile.
        """

    def reset_password(self, link: OneTimeLink, claim: str, password_hash: str, now: int) -> bool:
        """Uses a link to set a password, and ends all that the user had.

        It verifies the address that it went to as well, unless that is a login name of another user.

        Condition: the link is stored with this hash, has not expired and was not used; nothing has ended it; its
        address is the user's. False also if it was used by this very `claim` before: then that was done.
        """

    def change_user(self, sub: str, **changes: Any) -> User | None:
        """Sets `USER_FIELDS`, as `UserStore.update` does; the user as it is now, None if absent. Raises `ValueError`.

        Raises `storage.users.AddressTaken` where an address becomes confirmed that is a login name of another user.
        A changed status, and the loss of an operator's powers, end all that the user had; disabled, nothing of theirs
        stands nor begins.
        """

    def delete_user(self, sub: str, now: int, others: Others | None = None) -> bool:
        """Removes a user with the login names, the identities, the factors and the memberships; idempotent.

        Nothing of theirs stands nor begins ever after, and the identifier is never given again. The same write leaves
        the `erasures.ErasureStore` what is to be done: whatever names the user still is removed in the background.

        With `others`, only while they are what they are said to be, and if they are all that is needed; else False,
        and nothing was deleted. Without, it is an operator's word, and always done.
        """

    def unlink(self, sub: str, identity_id: str) -> bool:
        """Takes an identity away from a user, with the attributes that it `provided`, and ends all that the user had;
        False if it is none of theirs."""

    def unlink_own(self, identity: Identity, factors: Factors, session: Session, successor: Session) -> bool:
        """The same by the user, whose sessions all end except `successor`, as in `replace_password`.

        Condition: there is something left to sign in with: a password with a login name, another identity, or the
        passkeys of `factors`, if it has any, unchanged. False also if the session or the identity is gone.
        """

    def withdraw_link(self, link: OneTimeLink) -> bool:
        """Takes a link of a mail back, for good: an order that is carried out again does not bring it back.

        Nor is the address wanted any more that it was to confirm. False if it was used or withdrawn, or there is none.
        """

    def remove_factors(self, sub: str) -> None:
        """Takes all the factors of a user away, whatever they are by now, and ends all that the user had;
        idempotent."""

    def lessen_factors(self, factors: Factors, survivor: Session) -> Session | None:
        """Writes the factors of a user, from which one was taken away, with the next version, and signs out every
        browser but the `survivor`: it as it is now.

        None, and nothing is written, if what is stored has another version, or the survivor was ended before.
        """

    # -- clients

    def revoke_initial_access_token(self, token_id: str) -> bool:
        """Ends the initial access token. False if there is none."""

    def change_client(self, client: Client) -> bool:
        """Writes the client with the next version if what is stored has the version of `client`; tells whether.

        A changed status ends all that was issued to it; disabled, nothing of it stands.
        """

    def delete_client(self, client_id: str, version: int | None = None) -> bool:
        """Removes a client; nothing of it stands ever after, and no other has its identifier.

        With the `version` of the record that decided, only while that is what is stored; else False, and nothing was
        deleted. Without, it is an operator's word, always done, and idempotent.
        """

    def block_client(self, client_id: str, *, is_blocked: bool) -> bool:
        """Lets nothing stand of a client that has no record here, since its metadata document is one, or lets it in
        again; tells whether. What was issued to it ends either way.

        Condition: the identifier is not of a client that was deleted, which cannot be restored.
        """

    # -- organisations

    def change_organisation(self, organisation: str, **changes: Any) -> Organisation | None:
        """Sets `name`, `status` or `api_keys`; the organisation as it is now, None if absent. A changed status ends all
        of it."""

    def delete_organisation(self, organisation: str, now: int) -> None:
        """Removes an organisation; nothing of it stands ever after, and no other has its identifier. Idempotent.

        Its memberships and invitations are worth nothing from then on; the same write leaves the
        `erasures.ErasureStore` to remove them in the background.
        """

    def drop_company(self, organisation: str, company: str) -> bool:
        """Takes a company out; tells whether it was there."""

    def set_membership(self, membership: Membership, groups: frozenset[str] | None = None) -> None:
        """Makes a user a member, or changes the role, which ends what the member granted by the one before.

        With these groups, whatever `membership` says, or with the stored ones.
        """

    def delete_membership(self, organisation: str, subject: str) -> None:
        """Ends a membership, and all that the member granted for the organisation; idempotent."""

    def change_role(self, membership: Membership, witness: str, groups: frozenset[str] | None = None) -> bool:
        """Gives a member the role and the epoch of `membership`, while `witness`, another member, is an administrator.

        Tells whether. So there is always one left, also under simultaneous changes. False also if there is no
        such member. With these groups, or with the stored ones.
        """

    def end_membership(self, organisation: str, subject: str, witness: str) -> bool:
        """Ends a membership in one write, while `witness`, another member, is an administrator; tells whether.

        Idempotent. A user who is no administrator needs no witness: an empty one.
        """

    def withdraw_invitation(self, invitation_id: str) -> None:
        """Removes an invitation; idempotent."""

    # -- the deployment

    def change_scopes(self, catalogue: ScopeCatalogue) -> bool:
        """Writes the catalogue, with the next version, if what is stored has its version (0: none); tells whether."""

    def change_resources(self, catalogue: ResourceCatalogue) -> bool:
        """The same of the resources."""

    def withdraw_key(self, ring: Ring) -> bool:
        """Writes a ring without the key that was withdrawn, as `KeyStore.put` does, and has every function look
        again."""

    def end_everything(self, era: str) -> None:
        """Ends all that was begun in this deployment until now: a new era."""
