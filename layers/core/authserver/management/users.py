"""Users, for operators: /admin/users.

An operator's word grants every administrative scope. So who may change users alone makes no operator, nor gets hold of
the account of one: that takes all those scopes in the token in hand.
"""

from typing import Any

from authserver import models
from authserver.documents import user as documents
from authserver.identity.activity import FACTORS_REMOVED, note
from authserver.identity.cutoffs import cut_off, resume
from authserver.identity.mails import tell_of_new_factors
from authserver.identity.new_password import refusal
from authserver.identity.second_factors import factors_of
from authserver.management import Answer, Call, Conflict, Invalid, NotFound, Operation, Problem, page_of
from authserver.management.pages import everything
from authserver.scopes import MANAGEMENT, OPERATOR
from authserver.services import Services
from authserver.values import Scope, Secret

# What an operator can do, by granting it.
POWERS = Scope.of(one.name for one in MANAGEMENT if one.grantable_by == OPERATOR and one.name.endswith(".write"))


def list_users(call: Call, services: Services) -> Answer:
    """Every user, oldest first."""
    return page_of(services.users.list(limit=call.limit, cursor=call.cursor), _write)


def create_user(call: Call, services: Services) -> Answer:
    """Adds a user, with a password, with a hash of one that another system kept, or with neither."""
    wanted = call.read(documents.NewUser)
    if wanted.password is not None:
        _require_fit(wanted.password, wanted.username, services)
    if wanted.operator:
        _require_powers(call, services)
    user = models.User(
        sub=wanted.sub or call.new_identifier(services),
        username=wanted.username,
        password_hash=_hash_of(wanted, services),
        name=wanted.name,
        email=wanted.email,
        email_verified=wanted.email_verified,
        operator=wanted.operator,
        created_at=services.now(),
    )
    if services.clients.get(user.sub) is not None:
        # Else a client's own token could be taken for the user's (RFC 9700 section 4.15).
        raise Conflict("A client has this identifier")
    if wanted.sub and services.tokens.is_suspended(subject=user.sub):
        # Somebody had it before, and everybody who knows it takes it for them (OpenID Connect Core section 2).
        raise Conflict("A user who was removed had this identifier")
    if not services.users.create(user):
        user = _made_before(call, user, services)
    return Answer(201, _write(user))


def get_user(call: Call, services: Services) -> Answer:
    """A user."""
    return Answer(document=_write(_user(call, services)))


def change_user(call: Call, services: Services) -> Answer:
    """Changes a user. Disabling ends everything of theirs at once; so does taking an operator's powers away."""
    user = _changeable(call, services)
    current = documents.User.of(user).model_dump(include=set(documents.UserChanges.model_fields))
    wanted = call.patched(documents.UserChanges, current)
    if wanted.operator:
        _require_powers(call, services)
    changes = {name: value for name, value in wanted.model_dump().items() if value != current[name]}
    if "email" in changes and "email_verified" not in call.body:
        changes["email_verified"] = False
    # Whatever the call names is done, even if the record has it already: a call before may have got no further.
    if "status" in call.body and wanted.status == models.DISABLED:
        services.tokens.suspend(subject=user.sub)
    changed = services.users.update(user.sub, **changes) if changes else user
    if changed is None:
        raise NotFound("user")
    if "operator" in call.body and not wanted.operator:
        cut_off(services, subject=user.sub)
    if "status" in call.body and wanted.status == models.ACTIVE:
        resume(services, subject=user.sub)
    return Answer(document=_write(changed))


def delete_user(call: Call, services: Services) -> Answer:
    """Removes a user for good. The suspension stays: the identifier is nobody's ever after."""
    sub = _changeable(call, services).sub
    services.tokens.suspend(subject=sub)
    for membership in everything(lambda cursor: services.organisations.memberships_of(sub, limit=100, cursor=cursor)):
        services.organisations.delete_membership(membership.organisation, sub)
    services.users.delete(sub)
    return Answer()


def set_password(call: Call, services: Services) -> Answer:
    """Sets a password; sessions and tokens from before are over."""
    wanted = call.read(documents.NewPassword)
    user = _changeable(call, services)
    _require_fit(wanted.password, user.username, services)
    if services.users.update(user.sub, password_hash=services.passwords.hash(Secret(wanted.password))) is None:
        raise NotFound("user")
    cut_off(services, subject=user.sub)
    return Answer()


def get_factors(call: Call, services: Services) -> Answer:
    """What a user proves who they are with, beyond a password: which kinds and how many, nothing of what they are."""
    factors = factors_of(_user(call, services), services)
    return Answer(document=documents.Factors.of(factors).model_dump(mode="json"))


def remove_factors(call: Call, services: Services) -> Answer:
    """Helps whoever lost them: a password alone signs the user in again.

    Whoever has the lost telephone may be signed in with it, so sessions and tokens from before are over.
    """
    user = _changeable(call, services)
    cut_off(services, subject=user.sub)  # so that nobody who is signed in puts one back
    services.factors.remove(user.sub)
    cut_off(services, subject=user.sub)
    note(services, user.sub, FACTORS_REMOVED)
    tell_of_new_factors(user, "", services)
    return Answer()


def link_identity(call: Call, services: Services) -> Answer:
    """Lets an identity of a provider sign in as this user: only who runs the server may say they are one person."""
    wanted, user = call.read(documents.NewIdentity), _changeable(call, services)
    if not services.users.link(user.sub, wanted.issuer, wanted.subject):
        raise Conflict("This identity is another user's")
    identity = documents.Identity(sub=user.sub, issuer=wanted.issuer, subject=wanted.subject)
    return Answer(201, identity.model_dump(mode="json"))


def _user(call: Call, services: Services) -> models.User:
    user = services.users.get(call.path["sub"])
    if user is None:
        raise NotFound("user")
    return user


def _changeable(call: Call, services: Services) -> models.User:
    """The user, whom the caller may change. Raises `Problem` where it is an operator, and the caller's token less."""
    user = _user(call, services)
    if user.operator:
        _require_powers(call, services)
    return user


def _require_powers(call: Call, services: Services) -> None:
    if not services.scopes().expand(call.scope) >= POWERS:
        title = "This takes every administrative scope in the access token"
        raise Problem(403, title, reason="insufficient_scope")


def _require_fit(password: str, username: str, services: Services) -> None:
    """Raises `Invalid`."""
    if objection := refusal(Secret(password), username, services.theme().name):
        raise Invalid("password", objection)


def _hash_of(wanted: documents.NewUser, services: Services) -> str:
    if wanted.password is not None:
        return services.passwords.hash(Secret(wanted.password))
    return wanted.password_hash or ""


def _made_before(call: Call, user: models.User, services: Services) -> models.User:
    """The user that the same call made before. Raises `Conflict`."""
    existing = services.users.get(user.sub) if call.idempotency_key else None
    if existing is None or existing.username != user.username:
        raise Conflict("The username or the identifier is taken")
    return existing


def _write(user: models.User) -> dict[str, Any]:
    return documents.User.of(user).model_dump(mode="json")


READ, WRITE = "admin:users.read", "admin:users.write"

OPERATIONS = (
    Operation("GET /admin/users", "List users", READ, list_users, answer=documents.User, is_list=True),
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
)
