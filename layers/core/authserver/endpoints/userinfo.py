"""The userinfo endpoint: OpenID Connect Core section 5.3. The authorizer has checked the token and its scope."""

from typing import Any

from authserver.errors import InvalidToken
from authserver.messages import Document
from authserver.services import Services
from authserver.values import Scope


def userinfo(subject: str, scope: Scope, services: Services) -> Document:
    """The claims that `scope` asks for (section 5.4); those without a value are left out.

    Raises `InvalidToken` if there is no such user (any more).
    """
    user = services.users.get(subject)
    if user is None:
        raise InvalidToken("The access token is invalid", reason="user_unknown")
    claims: dict[str, Any] = {"sub": user.sub}
    if "profile" in scope:
        claims |= {"name": user.name, "preferred_username": user.username}
    if "email" in scope and user.email:
        claims |= {"email": user.email, "email_verified": user.email_verified}
    return Document({name: value for name, value in claims.items() if value != ""})
