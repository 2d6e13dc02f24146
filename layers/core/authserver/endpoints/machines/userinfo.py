"""The userinfo endpoint: OpenID Connect Core section 5.3. The authorizer has checked the token and its scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.errors import InvalidToken
from authserver.identity.claims import claims_of
from authserver.messages.token import Document

if TYPE_CHECKING:
    from authserver.services import Services
    from authserver.values import Scope


def userinfo(subject: str, scope: Scope, services: Services) -> Document:
    """The claims that `scope` asks for (section 5.4); those without a value are left out.

    Raises `InvalidToken` if there is no such user (any more).
    """
    user = services.users.get(subject)
    if user is None:
        raise InvalidToken("The access token is invalid", reason="user_unknown")
    return Document(claims_of(user, scope))
