"""The refresh-token bridge: refresh tokens of the system that was here before, each taken once and replaced by ours.

An operator's own Lambda function knows that system. It gets a token that we did not make, from whichever client has
authenticated, and answers as introspection does (RFC 7662 section 2.2): its user, its client, and its scope.
What it says is cut to what we know ourselves: the client is the one that asks, its user is here and active, the scope
is one that the client is registered for and that may be granted now.

What comes over was granted before anything was ended here. So it is begun under no epoch at all, and stands only while
nothing has been raised: a new password, an application that was disconnected, or an end of everything, here, has ended
the tokens of the other system as well, whether they have come over yet or not. No read can come too late for that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from authserver.ends import Begun
from authserver.errors import InvalidGrant, TemporarilyUnavailable, TooManyAttempts, TooManyForeignTokens
from authserver.identity.throttle import count_foreign_attempt, give_back, note_wrong
from authserver.models import ACTIVE
from authserver.models.organisations import ADMINISTRATOR, EVERY_ENTITY
from authserver.models.tokens import Authorization
from authserver.records import dataclass
from authserver.scopes import covered
from authserver.services import Named
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.tokens.named import of_authorization
from authserver.tokens.worth import worth
from authserver.values import Scope, base64url, from_base64url, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.models.clients import Client
    from authserver.ports import Bridge
    from authserver.services import Services
    from authserver.storage.standing import Ends, Standing

FOREIGN = re.compile(r"[\x20-\x7e]{16,4096}")  # RFC 6749 appendix A.17; what is shorter could be guessed
MOST, MANY = 1024, 100  # octets of a text in the answer; texts of a list
UNKNOWN = "The refresh token is invalid"


@dataclass(frozen=True, slots=True)
class Brought:
    """What a foreign token is worth here: an authorization that is not stored yet, and the ends it was compared with.

    `present` is what of its scope may be granted now.
    """

    authorization: Authorization
    ends: Ends
    present: Scope


@dataclass(frozen=True, slots=True)
class Told:
    """What the operator's function said of a token that is good; `auth_time` is 0 where it does not know."""

    client_id: str
    subject: str
    scope: Scope
    audience: tuple[str, ...]
    organisation: str
    entities: frozenset[str]
    auth_time: int


def named_by_foreign(token: str, bridge: Bridge, services: Services) -> Named:
    """The authorization that a foreign token was replaced by before: the token is the generation before its first."""
    traded = services.tokens.traded_for(sha256(token)) if _takes(token, bridge, services) else None
    if traded is None:
        return Named()
    identifier = from_base64url(traded)
    fields = {"authorization_id": identifier, "generation": bytes(4)}
    return of_authorization(identifier, opaque.Credential(fields, services.keys.token_key(TOKEN_RING), is_foreign=True))


def bring(token: str, client: Client, source: str, bridge: Bridge, services: Services) -> Brought:
    """What an authenticated client's foreign token is worth here, by the word of the operator's function.

    Raises:
        InvalidGrant: nothing; why, only the log knows.
        TemporarilyUnavailable: the function did not answer, or not as it should: nothing was decided.
        TooManyForeignTokens: this client brought too many that were good for nothing.
    """
    if not _takes(token, bridge, services):
        _refuse("refresh_garbage")
    try:
        attempt = count_foreign_attempt(client.client_id, source, services)
    except TooManyAttempts as error:
        raise TooManyForeignTokens(error.retry_after) from None
    try:
        question = {"refresh_token": token, "client_id": client.client_id, "issuer": services.settings.issuer}
        brought = _brought(_told(bridge.ask(question)), client, services)
    except InvalidGrant:
        note_wrong(attempt, services)
        raise
    except TemporarilyUnavailable:
        give_back(attempt, services)
        raise
    give_back(attempt, services)
    return brought


def _takes(token: str, bridge: Bridge, services: Services) -> bool:
    """Whether the bridge is open, and this is a token to ask about: nothing that looks like ours, however broken."""
    return services.now() < bridge.until and bool(FOREIGN.fullmatch(token)) and not opaque.is_ours(token)


# ------------------------------------------------------------------ what the function says


def _told(answer: Any) -> Told:
    try:
        told = read_answer(answer)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise TemporarilyUnavailable("The refresh token could not be looked up", reason="bridge_malformed") from None
    if told is None:
        _refuse("bridge_refused")
    return told


def read_answer(answer: Any) -> Told | None:
    """The answer, None if the token is not active. Raises what Python does on anything else."""
    if answer["active"] is False:
        return None
    if answer["active"] is not True:
        raise TypeError("active is a boolean")
    audience = answer.get("aud", [])
    return Told(
        client_id=_text(answer["client_id"]),
        subject=_text(answer["sub"]),
        scope=Scope.parse(_text(answer["scope"])),
        audience=_texts([audience] if isinstance(audience, str) else audience),
        organisation=_text(answer.get("org", "")),
        entities=_companies(_texts(answer.get("entities", []))),
        auth_time=_time_of(answer),
    )


def _text(value: Any) -> str:
    if len(value.encode()) > MOST:  # raises on half of a surrogate pair (RFC 8259 section 8.2) as well
        raise ValueError("too long")
    return str(value)


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or len(values) > MANY:
        raise TypeError("not a list")
    return tuple(map(_text, values))


def _companies(named: tuple[str, ...]) -> frozenset[str]:
    return frozenset({EVERY_ENTITY} if EVERY_ENTITY in named else named)


def _time_of(answer: Mapping[str, Any]) -> int:
    told = answer.get("auth_time", 0)
    if type(told) is not int or told < 0:
        raise TypeError("auth_time is a number of seconds")
    return told


# ------------------------------------------------------------------ what it is worth


def _brought(told: Told, client: Client, services: Services) -> Brought:
    if told.client_id != client.client_id:
        _refuse("bridge_of_another_client")
    standing = _standing(told, client, services)
    if standing.user is None or standing.user.status != ACTIVE:
        _refuse("bridge_subject_unknown")
    ends = standing.ends
    begun = Begun(membership=ends.membership.epoch if ends.membership else "")
    if not ends.stand(begun):
        _refuse("bridge_ended")
    _require_companies(told, client, ends)
    authorization = _authorization(told, client, begun, ends, services)
    present = worth(authorization.scope, authorization, ends, services.scopes)
    if not present:
        _refuse("bridge_scope")
    return Brought(authorization, ends, present)


def _standing(told: Told, client: Client, services: Services) -> Standing:
    return services.tokens.standing(
        client_key=base64url(opaque.key_of(client.client_id)),
        subject_key=base64url(opaque.key_of(told.subject)),
        organisation_key=base64url(opaque.key_of(told.organisation)) if told.organisation else "",
        user=told.subject,
    )


def _require_companies(told: Told, client: Client, ends: Ends) -> None:
    """A client that acts for organisations has one and companies of it, and all of them by an administrator's word
    alone; one that acts for users has none."""
    acts_for_organisations = client.preferred_subject_type != "user"
    if {bool(told.organisation), bool(told.entities)} != {acts_for_organisations}:
        _refuse("bridge_organisation")
    if client.preferred_subject_type == "company" and len(told.entities) != 1:
        _refuse("bridge_organisation")
    if EVERY_ENTITY in told.entities and not _is_administrator(ends):
        _refuse("bridge_organisation")


def _is_administrator(ends: Ends) -> bool:
    return ends.membership is not None and ends.membership.role == ADMINISTRATOR


def _authorization(told: Told, client: Client, begun: Begun, ends: Ends, services: Services) -> Authorization:
    """What our tokens hang on. There is no code that could be redeemed."""
    now = services.now()
    return Authorization(
        id=base64url(opaque.authorization_id(services.random(16), told.subject, told.organisation)),
        client_id=client.client_id,
        subject=told.subject,
        scope=covered(told.scope, client.scope | services.scopes().for_every_client, services.scopes),
        resource=_resource(told, services),
        salt=services.random(16),
        created_at=now,
        expires_at=now,
        auth_time=min(told.auth_time, services.now()),
        code_hash=b"",  # the hash of nothing
        code_expires_at=now,
        redeemed_by=services.claim(),
        organisation=told.organisation,
        entities=told.entities,
        by_administrator=_is_administrator(ends),
        is_public=client.is_public,
        begun=begun,
    )


def _resource(told: Told, services: Services) -> tuple[str, ...]:
    """The resources that were named and are known here, as the operator wrote them; the default one if none was."""
    if not told.audience:
        return services.settings.known_resources[:1]
    known = (services.known_resource(one) for one in told.audience)
    resource = tuple(dict.fromkeys(one for one in known if one is not None))
    if not resource:
        _refuse("bridge_resource")
    return resource


def _refuse(reason: str) -> NoReturn:
    raise InvalidGrant(UNKNOWN, reason=reason)
