"""The userinfo endpoint: OpenID Connect Core section 5.3, a resource that is protected by RFC 6750."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.errors import InsufficientScope, InvalidToken
from authserver.identity.claims import claims_of
from authserver.messages.token import Document
from authserver.scopes import covered
from authserver.tokens.presented import read_standing, standing_token
from authserver.values import Scope

if TYPE_CHECKING:
    from authserver.models.organisations import Membership
    from authserver.models.users import User
    from authserver.services import Services

OPENID = Scope(("openid",))


def userinfo(presented: str, services: Services) -> Document:
    """What the scope of an access token tells of its user; one read, and another one if the token is opaque.

    Any access token of ours will do that has the scope openid, whatever resource it is for: who granted that scope
    granted this, and this is no resource that a client could ask for (RFC 8707).

    Raises:
        InvalidToken: it does not stand, or it is no user's.
        InsufficientScope: it stands, without openid.
    """
    named, standing = read_standing(presented, services, with_user=True)
    token = standing_token(named, standing, services)
    if not covered(OPENID, token.scope, services.scopes):
        raise InsufficientScope("The access token lacks a scope", reason="scope_missing", scope=str(OPENID))
    if token.authorization_id is None:
        raise _nobodys()
    user = standing.user or services.users.get(token.subject)
    return _claims(user, token.scope, services, standing.ends.membership)


def userinfo_of(subject: str, scope: Scope, services: Services) -> Document:
    """The same of whom an authorizer let in, but for their role in an organisation.

    Raises `InvalidToken` if there is no such user.
    """
    return _claims(services.users.get(subject), scope, services)


def _claims(user: User | None, scope: Scope, services: Services, membership: Membership | None = None) -> Document:
    """Those that `scope` asks for (section 5.4) and that have a value."""
    if user is None:
        raise _nobodys()
    return Document(claims_of(user, scope, services.scopes(), membership))


def _nobodys() -> InvalidToken:
    return InvalidToken("The access token is invalid", reason="user_unknown")
