"""boto3 without pyOpenSSL, which botocore would take: a third of a cold start, for what Python's own ssl does as well.

It is there where passkeys are met, whose library needs it.
"""

import sys
from typing import Any, cast

_modules = cast("dict[str, Any]", sys.modules)
_found = _modules.setdefault("OpenSSL", None)  # None: not to be imported
import boto3  # noqa: E402 - from here on it finds no pyOpenSSL
from botocore.config import Config  # noqa: E402 - likewise

if _found is None:
    del _modules["OpenSSL"]

__all__ = ["Config", "boto3"]
