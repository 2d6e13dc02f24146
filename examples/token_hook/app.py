"""An example of a token hook: docs/token-hook.md says what it is asked and what it may answer.

It tells applications their user's plan, and lets none be issued tokens that is to be used no more. A real one would
look both up.
"""

from typing import Any

PLANS = {"3f2c8e1a-alice": "gold"}
RETIRED = {"other-web"}


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """The answer to a question of version 1."""
    if event["client"]["client_id"] in RETIRED:
        return {"refuse": "This application is to be used no more"}
    if event["subject"] is None:  # an application that acts for itself
        return {}
    claims = {"plan": PLANS.get(event["subject"], "free")}
    return {"claims": {"id_token": claims, "userinfo": claims, "access_token": claims}}
