"""Where a service is: what botocore finds from the same environment, or `Unsupported`."""

import re
from collections.abc import Mapping
from typing import NamedTuple

AWS_REGION = re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+", re.ASCII)  # those of the partition "aws"
LABEL = re.compile(r"[a-z0-9-]{1,63}")
ORIGIN = re.compile(rf"(https?)://({LABEL.pattern}(?:\.{LABEL.pattern})*)(?::(\d{{1,5}}))?/?", re.ASCII)
PORTS = {"http": 80, "https": 443}
ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)
ACCOUNT_ID_MODES = ("preferred", "disabled", "required")
# Variables that lead to settings in files or of kinds that only botocore reads.
UNKNOWN = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_AUTH_SCHEME_PREFERENCE")


class Unsupported(Exception):
    """The environment asks for what this client does not know, as the message says: boto3 is to be taken instead."""


class Endpoint(NamedTuple):
    """An origin, the region that requests to it are signed for, and the file of roots to trust, if one is named."""

    host: str
    port: int
    tls: bool
    region: str
    ca_bundle: str = ""

    @property
    def authority(self) -> str:
        """The value of the Host header (RFC 9110, section 7.2): a port that is the scheme's own is left out."""
        return self.host if self.port == PORTS["https" if self.tls else "http"] else f"{self.host}:{self.port}"


def endpoint(service: str, environ: Mapping[str, str]) -> Endpoint:
    """The endpoint of ``dynamodb`` or ``kms``. Raises `Unsupported`."""
    for name in UNKNOWN:
        if environ.get(name):
            raise Unsupported(name)
    region = environ.get("AWS_DEFAULT_REGION") or environ.get("AWS_REGION") or ""
    if not LABEL.fullmatch(region):
        raise Unsupported("no region")
    match = ORIGIN.fullmatch(_configured(service, environ) or f"https://{_host(service, region, environ)}")
    if not match:
        raise Unsupported("an endpoint that is more than an origin")
    scheme, host, told_port = match.groups()
    if any(environ.get(name) for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")):
        raise Unsupported("a proxy")
    port = valid_port(told_port or PORTS[scheme])
    ca_bundle = environ.get("AWS_CA_BUNDLE") or environ.get("REQUESTS_CA_BUNDLE") or ""
    return Endpoint(host, port, scheme == "https", region, ca_bundle)


def _configured(service: str, environ: Mapping[str, str]) -> str:
    """The endpoint that the environment names, if it names one."""
    if _is_true(environ, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        return ""
    url = environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environ.get("AWS_ENDPOINT_URL") or ""
    if url and (_is_true(environ, "AWS_USE_FIPS_ENDPOINT") or _is_true(environ, "AWS_USE_DUALSTACK_ENDPOINT")):
        raise Unsupported("an endpoint of one's own with FIPS or dual stack")
    return url


def _host(service: str, region: str, environ: Mapping[str, str]) -> str:
    """The host in the partition "aws"."""
    if not AWS_REGION.fullmatch(region):
        raise Unsupported("another partition")
    fips = _is_true(environ, "AWS_USE_FIPS_ENDPOINT")
    suffix = "api.aws" if _is_true(environ, "AWS_USE_DUALSTACK_ENDPOINT") else "amazonaws.com"
    account_id = _account_id(environ, fips=fips) if service == "dynamodb" else ""
    if account_id:
        return f"{account_id}.ddb.{region}.{suffix}"
    return f"{service}{'-fips' if fips else ''}.{region}.{suffix}"


def _account_id(environ: Mapping[str, str], *, fips: bool) -> str:
    """The account whose own endpoint is to be used, if any. It is known where the credentials stand beside it."""
    mode = environ.get("AWS_ACCOUNT_ID_ENDPOINT_MODE") or "preferred"
    account_id = environ.get("AWS_ACCOUNT_ID", "") if environ.get("AWS_ACCESS_KEY_ID") else ""
    if mode not in ACCOUNT_ID_MODES or (mode == "required" and (fips or not account_id)):
        raise Unsupported("this AWS_ACCOUNT_ID_ENDPOINT_MODE")
    if mode == "disabled" or fips:
        return ""
    if account_id and not ACCOUNT_ID.fullmatch(account_id):
        raise Unsupported("this AWS_ACCOUNT_ID")
    return account_id


def valid_port(told: str | int) -> int:
    """Raises `Unsupported`."""
    port = int(told)
    if not 0 < port < 1 << 16:
        raise Unsupported("no port")
    return port


def _is_true(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").lower() == "true"
