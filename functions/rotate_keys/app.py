"""Scheduled: makes, publishes and drops keys by age. Safe to run at any time, and twice at once."""

from typing import Any

from authserver.aws.bootstrap import bootstrap
from authserver.aws.log import write_metric, write_problem, write_unexpected
from authserver.aws.logger import logger
from authserver.errors import OAuthError
from authserver.identity.audit import draw_source_key, note_of

DAY = 86_400

services = bootstrap(stores=(), grants=False)


def lambda_handler(_event: dict[str, Any], _context: Any) -> dict[str, list[str]]:
    try:
        rotated = _rotate()
        draw_source_key(services)  # the audit's, and last: no key waits for the Tokens table
    except OAuthError as error:
        write_problem("rotation_failed", reason=error.reason)
        raise
    except Exception:
        write_unexpected("")
        raise
    return {"rotated": list(rotated)}


def _rotate() -> tuple[str, ...]:
    rotated = services.keys.rotate(note=note_of(services, "keys.rotated", "system", "rotate_keys", "keys"))
    logger.info("keys", extra={"rotated": rotated})
    # In days; what the alarm key-age looks at.
    write_metric("keys_overdue", "KeysOverdue", round(services.keys.overdue() / DAY, 2), "None")
    return rotated
