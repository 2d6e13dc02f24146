"""Scheduled, where Canary is On: asks for a token as a client does, and has the ResourceApi take it."""

import os
from typing import Any

from authserver.aws.bootstrap import bootstrap
from authserver.aws.log import write_metric, write_unexpected
from authserver.errors import OAuthError
from authserver.management import Problem
from authserver.management.canary import OK, Canary

RESOURCE = os.environ.get("RESOURCE", "")

services = bootstrap(goes_out=True, stores=())
canary = Canary()


def lambda_handler(_event: dict[str, Any], _context: Any) -> dict[str, str]:
    try:
        seen = canary.look(services.settings.issuer, RESOURCE, services)
    except (OAuthError, Problem) as error:
        seen = error.reason
    except Exception:  # noqa: BLE001 - told with its traceback; what fails in any way is what the metric is for
        write_unexpected("")
        seen = "unexpected"
    write_metric("canary", "Canary", int(seen == OK), "None", seen=seen)
    return {"seen": seen}
