"""AWS services by boto3, without pyOpenSSL, which botocore would take: a third of a cold start, for what Python's own
ssl does as well.

It is there where passkeys are met, whose library needs it.
"""

import base64
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

from authserver.aws.service import Refused, Unreachable

_modules = cast("dict[str, Any]", sys.modules)
_found = _modules.setdefault("OpenSSL", None)  # None: not to be imported
import boto3  # noqa: E402 - from here on it finds no pyOpenSSL
from botocore import xform_name  # noqa: E402 - likewise
from botocore.config import Config  # noqa: E402 - likewise
from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402 - likewise

if _found is None:
    del _modules["OpenSSL"]

__all__ = ["CONFIG", "BotoService", "Config", "boto3"]

# It tells at INFO where it found credentials, at every cold start.
logging.getLogger("botocore.credentials").setLevel(logging.WARNING)

# Well below the functions' timeouts, so that a slow store becomes a 503 and not a silent death (SECURITY, section 4).
CONFIG = Config(
    connect_timeout=1,
    read_timeout=1,
    retries={"mode": "standard", "total_max_attempts": 2},
    parameter_validation=False,  # costs time on each call; the contract tests send the same calls with it
)


class BotoService:
    """Implements `service.Service` by a boto3 client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        model = self._client.meta.service_model.operation_model(operation)
        try:
            answer = getattr(self._client, xform_name(operation))(**_mapped(arguments, model.input_shape, _octets))
        except ClientError as error:
            raise _refused(error, model) from error
        except BotoCoreError as error:
            raise Unreachable(type(error).__name__) from error
        return cast("Mapping[str, Any]", _mapped(answer, model.output_shape, _text))


def _refused(error: ClientError, operation: Any) -> Refused:
    code = error.response.get("Error", {}).get("Code", "")
    shapes = [shape for shape in operation.error_shapes if shape.name == code]
    body = {name: value for name, value in error.response.items() if name not in ("Error", "ResponseMetadata")}
    return Refused(code, _mapped(body, shapes[0], _text) if shapes else body)


def _mapped(value: Any, shape: Any, blob: Callable[[Any], Any]) -> Any:
    """The value with `blob` of whatever botocore's model calls a blob."""
    match shape and shape.type_name:
        case "blob":
            return blob(value)
        case "structure":
            return {name: _mapped(member, shape.members.get(name), blob) for name, member in value.items()}
        case "map":
            return {name: _mapped(member, shape.value, blob) for name, member in value.items()}
        case "list":
            return [_mapped(member, shape.member, blob) for member in value]
    return value


def _octets(text: str) -> bytes:
    return base64.b64decode(text)


def _text(octets: Any) -> str:
    return base64.b64encode(bytes(octets)).decode()
