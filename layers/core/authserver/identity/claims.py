"""What is told of a user: OpenID Connect Core section 5.4."""

from typing import Any

from authserver.models.users import User
from authserver.values import Scope


def claims_of(user: User, scope: Scope) -> dict[str, Any]:
    """The claims that `scope` asks for, `sub` always; those without a value are left out."""
    claims: dict[str, Any] = {"sub": user.sub}
    if "profile" in scope:
        claims |= {"name": user.name, "preferred_username": user.username or user.preferred_username}
    if "email" in scope and user.email:
        claims |= {"email": user.email, "email_verified": user.email_verified}
    return {name: value for name, value in claims.items() if value != ""}
