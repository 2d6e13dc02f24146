"""Scheduled: makes, publishes and drops keys by age. Safe to run at any time, and twice at once."""

from typing import Any

from authserver.aws.bootstrap import bootstrap
from authserver.aws.logger import logger

services = bootstrap(stores=())


def lambda_handler(_event: dict[str, Any], _context: Any) -> dict[str, list[str]]:
    rotated = services.keys.rotate()
    logger.info("keys", extra={"rotated": rotated})
    return {"rotated": list(rotated)}
