"""The AWS SDK's clients of what stands in for AWS on this machine."""

from typing import Any, Literal

import boto3
from botocore.config import Config

from local.intrinsics import REGION

# One session, which reads and keeps the services' models once. Never real credentials: nothing here reads ~/.aws or the
# developer's environment.
_SESSION = boto3.Session("local", "local", region_name=REGION)
_CONFIG = Config(retries={"total_max_attempts": 1}, proxies={})


def client(service: Literal["dynamodb", "kms"], endpoint_url: str) -> Any:
    return _SESSION.client(service, endpoint_url=endpoint_url, config=_CONFIG)
