"""The userinfo endpoint: OpenID Connect Core section 5.3, a resource that is protected by RFC 6750."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.errors import InsufficientScope, InvalidToken
from authserver.identity.claims import claims_of
from authserver.messages.token import Document
from authserver.records import dataclass
from authserver.scopes import USERINFO, covered
from authserver.tokens.presented import read_standing, standing_token
from authserver.values import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from authserver.models.organisations import Membership
    from authserver.models.users import User
    from authserver.ports import TokenHook
    from authserver.services import Services

OPENID = Scope(("openid",))


@dataclass(frozen=True, slots=True)
class Presented:
    """What is known of an access token that stands. `resource` is empty, and `membership` None, where an authorizer has
    checked it, which passes on neither."""

    subject: str
    client_id: str
    scope: Scope
    authorization_id: str
    organisation: str = ""
    resource: tuple[str, ...] = ()
    membership: Membership | None = None


def userinfo(presented: str, services: Services) -> Document:
    """What the scope of an access token tells of its user; one read, and another one if the token is opaque.

    Any access token of ours will do that has the scope openid, whatever resource it is for: who granted that scope
    granted this, and this is no resource that a client could ask for (RFC 8707).

    Raises:
        InvalidToken: it does not stand, or it is no user's; or the operator's own function refuses.
        InsufficientScope: it stands, without openid.
    """
    named, standing = read_standing(presented, services, with_user=True)
    token = standing_token(named, standing, services)
    if not covered(OPENID, token.scope, services.scopes):
        raise InsufficientScope("The access token lacks a scope", reason="scope_missing", scope=str(OPENID))
    if token.authorization_id is None:
        raise _nobodys()
    return _claims(
        standing.user or services.users.get(token.subject),
        Presented(
            token.subject,
            token.client_id,
            token.scope,
            token.authorization_id,
            token.organisation,
            token.audience,
            standing.ends.membership,
        ),
        services,
    )


def userinfo_of(presented: Presented, services: Services) -> Document:
    """The same for a call that an authorizer let in, but for their part in an organisation.

    Raises `InvalidToken` if there is no such user.
    """
    return _claims(services.users.get(presented.subject), presented, services)


def _claims(user: User | None, presented: Presented, services: Services) -> Document:
    """Those that the scope asks for (section 5.4) and that have a value, and what the operator's function adds."""
    if user is None:
        raise _nobodys()
    claims = claims_of(user, presented.scope, services, presented.membership)
    if services.token_hook is not None:
        claims |= _added(services.token_hook, presented, claims, services)
    return Document(claims)


def _added(hook: TokenHook, presented: Presented, claims: Mapping[str, Any], services: Services) -> Mapping[str, Any]:
    """What the operator's own function adds, unless the token's client is left alone by it."""
    from authserver.identity.token_hook import AT_USERINFO, Occasion, added_claims

    client = services.clients.find(presented.client_id)
    if client is not None and not client.is_hooked:
        return {}
    occasion = Occasion(
        AT_USERINFO,
        presented.client_id,
        client.client_name if client else presented.client_id,
        presented.subject,
        presented.scope,
        presented.resource,
        presented.authorization_id,
        presented.organisation,
        presented.membership,
    )
    told = {name: value for name, value in claims.items() if name != "sub"}
    return added_claims(hook, occasion, {USERINFO: told}, services).get(USERINFO, {})


def _nobodys() -> InvalidToken:
    return InvalidToken("The access token is invalid", reason="user_unknown")
