"""Erases what names users who were deleted: ordered by each deletion, and every hour. Safe to run at any time."""

from collections.abc import Callable

from authserver.aws.bootstrap import bootstrap
from authserver.aws.erasure_orders import erasing
from authserver.endpoints.orders.erase import erase
from authserver.messages.erasure import Erasing

services = bootstrap(grants=False)


@erasing
def lambda_handler(subject_key: str, has_time: Callable[[], bool]) -> Erasing:
    return erase(subject_key, has_time, services)
