"""Users, for operators: /admin/users.

An operator's word grants every administrative scope. So who may change users alone makes no operator, nor gets hold of
the account of one: that takes all those scopes in the token in hand.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from authserver.documents import status_of
from authserver.documents import user as documents
from authserver.identity.activity import (
    ACCOUNT_DISABLED,
    ACCOUNT_ENABLED,
    EMAIL_SET,
    FACTORS_REMOVED,
    IDENTITY_LINKED,
    IDENTITY_UNLINKED,
    LINK_REVOKED,
    OPERATOR_ENDED,
    OPERATOR_MADE,
    PASSWORD_SET,
)
from authserver.identity.begin import key_text
from authserver.identity.claims import STANDARD_ATTRIBUTES, changed_entries, exceeded
from authserver.identity.mail_links import pending_link, pending_links
from authserver.identity.new_password import refusal
from authserver.identity.providers import name_of
from authserver.identity.second_factors import factors_of
from authserver.management import Answer, Call, Conflict, Invalid, NotFound, Operation, deletion, page_of
from authserver.management.admin.powers import require_powers
from authserver.management.admin.told import tell
from authserver.management.audited import act
from authserver.models import ACTIVE
from authserver.models.users import Attribute, Identity, User
from authserver.services import Services
from authserver.storage.lists import Page
from authserver.storage.users import MOST_IDENTITIES, AddressTaken
from authserver.values import Secret

TAKEN = "The username, the verified email address or the identifier is taken"
TAKEN_ADDRESS = "Another user signs in by this email address"
LOGIN = {"login": "Only the user with this username or verified email address"}
ACCOUNT_FIELDS = ("name", "email", "email_verified", "status", "operator")


def list_users(call: Call, services: Services) -> Answer:
    """Every user, oldest first; or the user with a login name, which is a username or a verified email address."""
    if "login" in call.query:
        user = services.users.find(call.query["login"])
        return page_of(Page((user,) if user else (), None), _write)
    return page_of(services.users.list(limit=call.limit, cursor=call.cursor), _write)


@act("user.created")
def create_user(call: Call, services: Services) -> Answer:
    """Adds a user, with a password, with a hash of one that another system kept, or with neither."""
    wanted = call.read(documents.NewUser)
    if wanted.password is not None:
        _require_fit(wanted.password, wanted.username, wanted.email, services)
    if wanted.operator:
        require_powers(call, services)
    user = User(
        sub=wanted.sub or call.new_identifier(services),
        username=wanted.username,
        password_hash=_hash_of(wanted, services),
        name=wanted.name,
        email=wanted.email,
        email_verified=wanted.email_verified,
        operator=wanted.operator,
        created_at=services.now(),
        attributes=wanted.stored(),
    )
    if _is_a_clients(user.sub, services):
        # Else a client's own token could be taken for the user's (RFC 9700 section 4.15).
        raise Conflict("A client has this identifier")
    services.is_about(user.sub)
    if not services.users.create(user):
        # Nor is an identifier given again: everyone who knows it takes it for its former user (OpenID Connect Core
        # section 2).
        user = _made_before(call, wanted, user, services)
    return Answer(201, _write(user))


def get_user(call: Call, services: Services) -> Answer:
    """A user."""
    return Answer(document=_write(_user(call, services)))


@act("user.changed", "sub")
def change_user(call: Call, services: Services) -> Answer:
    """Changes a user and notifies them. Disabling ends everything of theirs at once; so does taking an operator's
    powers.

    The old address gets a mail about a new one.
    """
    user = _changeable(call, services)
    wanted = call.patched(documents.UserChanges, _patchable(user, call.body))
    if wanted.operator:
        require_powers(call, services)
    changes = _changes(wanted, user, call, services)
    try:
        changed = services.withdrawals.change_user(user.sub, **changes) if changes else user
    except AddressTaken:
        raise Conflict(TAKEN_ADDRESS, reason="email_taken") from None
    if changed is None:
        raise NotFound("user")
    for done in _acts(changes):
        tell(user, done, services)
    return Answer(document=_write(changed))


def _patchable(user: User, patch: Any) -> dict[str, Any]:
    """What is looked at again of a user to whom a merge patch is applied: whatever their profile holds, an account can
    be disabled."""
    account = {"status": status_of(user.status), "operator": user.operator}
    is_address = isinstance(patch, dict) and "address" in patch  # a patch of its members
    return {**account, "address": user.attributes.get("address", {})} if is_address else account


def _changes(wanted: documents.UserChanges, user: User, call: Call, services: Services) -> dict[str, Any]:
    """The fields of the user that this changes. Raises `Invalid`."""
    named = [name for name in ACCOUNT_FIELDS if name in call.body]
    fields: dict[str, Any] = {name: getattr(wanted, name) for name in named}
    if "email" in fields and fields["email"] != user.email:
        fields.setdefault("email_verified", False)
    changes = {name: value for name, value in fields.items() if value != getattr(user, name)}
    if attributes := _changed_attributes(wanted, user, call):
        changes["attributes"] = attributes
        # Of those that are an operator's from now on, no provider's.
        changes["provided"] = dict.fromkeys(name for name in attributes if name not in STANDARD_ATTRIBUTES)
    is_told = changes.keys() - {"status", "operator"}
    return changes | ({"updated_at": services.now()} if is_told else {})


def _changed_attributes(wanted: documents.UserChanges, user: User, call: Call) -> dict[str, Attribute | None]:
    """The attributes that this changes; None for one that is no more. Raises `Invalid`."""
    stated: dict[str, Attribute] = wanted.stored()
    own = user.attributes if call.body.get("attributes", {}) is None else call.body.get("attributes", {})
    named = (call.body.keys() & {*STANDARD_ATTRIBUTES}) | (own.keys() - {*STANDARD_ATTRIBUTES})
    known = {name: value for name, value in user.attributes.items() if name in named}
    given = {name: value for name, value in stated.items() if name in named}
    changes = changed_entries(known, given) | {name: given.get(name) for name in named & user.provided.keys()}
    if "phone_number" in changes and "phone_number_verified" not in call.body:
        changes["phone_number_verified"] = None
    after = {name: value for name, value in {**user.attributes, **changes}.items() if value is not None}
    if objection := exceeded(after, user.attributes):
        raise Invalid("(document)", objection)
    return changes


def _acts(changes: Mapping[str, Any]) -> Iterator[str]:
    """The changes of which the user is notified."""
    if "email" in changes:
        yield EMAIL_SET
    if "operator" in changes:
        yield OPERATOR_MADE if changes["operator"] else OPERATOR_ENDED
    if "status" in changes:
        yield ACCOUNT_ENABLED if changes["status"] == ACTIVE else ACCOUNT_DISABLED


@act("user.deleted", "sub")
def delete_user(call: Call, services: Services) -> Answer:
    """Removes a user for good, with all that they had; the identifier is never used again.

    That is one write. Other items that name the user are removed in the background (`GET /admin/erasures`).
    """
    deletion.delete(_changeable(call, services), services)
    return Answer()


@act("user.password.set", "sub")
def set_password(call: Call, services: Services) -> Answer:
    """Sets a password; ends earlier sessions and tokens, and notifies the user."""
    wanted = call.read(documents.NewPassword)
    user = _changeable(call, services)
    _require_fit(wanted.password, user.username, user.email, services)
    if not services.withdrawals.set_password(user.sub, services.passwords.hash(Secret(wanted.password))):
        raise NotFound("user")
    tell(user, PASSWORD_SET, services)
    return Answer()


def get_factors(call: Call, services: Services) -> Answer:
    """What a user proves who they are with, beyond a password: which kinds and how many, nothing of what they are."""
    factors = factors_of(_user(call, services), services)
    return Answer(document=documents.Factors.of(factors).model_dump(mode="json"))


@act("user.factors.removed", "sub")
def remove_factors(call: Call, services: Services) -> Answer:
    """Helps a user who lost them: a password alone signs the user in again.

    A thief of a lost telephone may be signed in with it, so sessions and tokens from before are over.
    """
    user = _changeable(call, services)
    services.withdrawals.remove_factors(user.sub)
    tell(user, FACTORS_REMOVED, services)
    return Answer()


# ------------------------------------------------------------------ identities


def list_identities(call: Call, services: Services) -> Answer:
    """Who the user is at identity providers: each of these signs in as the user."""
    items = tuple(map(documents.Identity.of_record, services.users.identities(_user(call, services).sub)))
    return Answer(document=documents.Identities(items=items).model_dump(mode="json"))


@act("user.identity.linked", "sub")
def link_identity(call: Call, services: Services) -> Answer:
    """Lets an identity of a provider sign in as this user: only who runs the server may say they are one person."""
    wanted, user = call.read(documents.NewIdentity), _changeable(call, services)
    identity = Identity.of(user.sub, wanted.issuer, wanted.subject, services.now())
    linked = services.users.identities(user.sub)
    if before := _identity(identity.id, linked):
        return Answer(201, _write_identity(before))
    if not services.users.link(identity):
        if len(linked) >= MOST_IDENTITIES:
            raise Conflict("The user has as many identities as there may be", reason="too_many")
        raise Conflict("This identity is another user's")
    tell(user, IDENTITY_LINKED, services, about=name_of(identity.issuer, services))
    return Answer(201, _write_identity(identity))


@act("user.identity.unlinked", "sub")
def unlink_identity(call: Call, services: Services) -> Answer:
    """Takes an identity away from the user: it signs in no more, and sessions and tokens from before are over."""
    user = _changeable(call, services)
    identity = _identity(call.path["identity"], services.users.identities(user.sub))
    if identity is None or not services.withdrawals.unlink(user.sub, identity.id):
        raise NotFound("identity")
    tell(user, IDENTITY_UNLINKED, services, about=name_of(identity.issuer, services))
    return Answer()


def _identity(identity_id: str, among: tuple[Identity, ...]) -> Identity | None:
    return next((one for one in among if one.id == identity_id), None)


def _write_identity(identity: Identity) -> dict[str, Any]:
    return documents.Identity.of_record(identity).model_dump(mode="json")


# ------------------------------------------------------------------ links in mails


def list_links(call: Call, services: Services) -> Answer:
    """The links that were sent for this user by mail and that somebody may still use."""
    items = tuple(map(documents.Link.of_record, pending_links(_user(call, services), services)))
    return Answer(document=documents.Links(items=items).model_dump(mode="json"))


@act("user.link.withdrawn", "sub")
def withdraw_link(call: Call, services: Services) -> Answer:
    """Withdraws such a link: opened, it says that it is over."""
    user = _changeable(call, services)
    link = pending_link(call.path["link"], user, services)
    if link is None or not services.withdrawals.withdraw_link(link):
        raise NotFound("link")
    tell(user, LINK_REVOKED, services)
    return Answer()


# ------------------------------------------------------------------ who may, and what


def _user(call: Call, services: Services) -> User:
    user = services.users.get(call.path["sub"])
    if user is None:
        raise NotFound("user")
    return user


def _changeable(call: Call, services: Services) -> User:
    """The user, if the caller may change it. Raises `Problem` where it is an operator, and the caller's token less."""
    user = _user(call, services)
    if user.operator:
        require_powers(call, services)
    return user


def _is_a_clients(identifier: str, services: Services) -> bool:
    """Whether a client has the identifier, or had it before it was removed."""
    end = services.tokens.standing(client_key=key_text(identifier)).ends.client
    return bool(end.suspended) or services.clients.get(identifier) is not None


def _require_fit(password: str, username: str, email: str | None, services: Services) -> None:
    """Raises `Invalid`."""
    if objection := refusal(Secret(password), username, services.theme().name, email or ""):
        raise Invalid("password", objection)


def _hash_of(wanted: documents.NewUser, services: Services) -> str:
    if wanted.password is not None:
        return services.passwords.hash(Secret(wanted.password))
    return wanted.password_hash or ""


def _made_before(call: Call, wanted: documents.NewUser, user: User, services: Services) -> User:
    """The user that the same call made before, if it is still what the call asks for. Raises `Conflict`."""
    existing = services.users.get(user.sub) if call.idempotency_key else None
    if existing is None or _write(replace(existing, created_at=user.created_at)) != _write(user):
        raise Conflict(TAKEN)
    if wanted.password is None:
        is_same = existing.password_hash == user.password_hash
    else:
        is_same = services.passwords.verify(Secret(wanted.password), existing.password_hash)
    if not is_same:
        raise Conflict(TAKEN)
    return existing


def _write(user: User) -> dict[str, Any]:
    return documents.User.of(user).model_dump(mode="json")


READ, WRITE = "admin:users.read", "admin:users.write"

OPERATIONS = (
    Operation("GET /admin/users", "List users", READ, list_users, answer=documents.User, query=LOGIN, is_list=True),
    Operation(
        "POST /admin/users",
        "Add a user",
        WRITE,
        create_user,
        body=documents.NewUser,
        answer=documents.User,
        status=201,
        is_create=True,
    ),
    Operation("GET /admin/users/{sub}", "Read a user", READ, get_user, answer=documents.User),
    Operation(
        "PATCH /admin/users/{sub}",
        "Change, disable or enable a user",
        WRITE,
        change_user,
        body=documents.UserChanges,
        answer=documents.User,
    ),
    Operation("DELETE /admin/users/{sub}", "Remove a user", WRITE, delete_user, status=204),
    Operation(
        "PUT /admin/users/{sub}/password", "Set a password", WRITE, set_password, body=documents.NewPassword, status=204
    ),
    Operation(
        "GET /admin/users/{sub}/factors",
        "Read which second factors there are",
        READ,
        get_factors,
        answer=documents.Factors,
    ),
    Operation("DELETE /admin/users/{sub}/factors", "Remove all second factors", WRITE, remove_factors, status=204),
    Operation(
        "POST /admin/users/{sub}/identities",
        "Link an identity of a provider",
        WRITE,
        link_identity,
        body=documents.NewIdentity,
        answer=documents.Identity,
        status=201,
    ),
    Operation(
        "GET /admin/users/{sub}/identities",
        "List identities of providers",
        READ,
        list_identities,
        answer=documents.Identities,
    ),
    Operation(
        "DELETE /admin/users/{sub}/identities/{identity}",
        "Unlink an identity of a provider",
        WRITE,
        unlink_identity,
        status=204,
    ),
    Operation(
        "GET /admin/users/{sub}/links", "List links that were sent by mail", READ, list_links, answer=documents.Links
    ),
    Operation(
        "DELETE /admin/users/{sub}/links/{link}",
        "Withdraw a link that was sent by mail",
        WRITE,
        withdraw_link,
        status=204,
    ),
)
