"""What an operator can do, by granting it: calls that give or take all of that need all of it in the access token."""

from authserver.management import Call, Problem
from authserver.scopes import MANAGEMENT, OPERATOR
from authserver.services import Services
from authserver.values import Scope

POWERS = Scope.of(one.name for one in MANAGEMENT if one.grantable_by == OPERATOR and one.name.endswith(".write"))


def require_powers(call: Call, services: Services) -> None:
    """Raises `Problem` unless the caller's token has every administrative scope."""
    if not services.scopes().expand(call.scope) >= POWERS:
        title = "This takes every administrative scope in the access token"
        raise Problem(403, title, reason="insufficient_scope")
