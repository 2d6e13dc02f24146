"""Requests that come through CloudFront: that they do, and whose they are. Imported where an API's stage has an edge.

CloudFront adds a secret to each request that it sends to an API (`stacks/edge.yaml`), and overwrites what a client sent
by that name. The stage variable `edge_secret_digests` has the SHA-256 digests of the secrets that are taken, in
hexadecimal, separated by commas: two while the secret is replaced. A digest of 256 random bits tells nothing of them.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, Any

from authserver.errors import NotThroughEdge

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET = "x-origin-verify"
VIEWER = "cloudfront-viewer-address"


def viewer_of(event: Mapping[str, Any], digests: str) -> str:
    """The address of the client that CloudFront serves. Raises `NotThroughEdge`."""
    secrets = _values(event, SECRET)
    if len(secrets) != 1 or not _is_taken(secrets[0], digests):
        raise NotThroughEdge("Forbidden", reason="edge_missing")
    viewers = _values(event, VIEWER)
    address = _address(viewers[0]) if len(viewers) == 1 else ""
    if not address:
        raise NotThroughEdge("Forbidden", reason="edge_without_viewer")
    return address


def _values(event: Mapping[str, Any], name: str) -> list[str]:
    """Every value that the header has. REST APIs tell them apart, and HTTP APIs join them with commas."""
    repeated = event.get("multiValueHeaders")
    if repeated:
        return [value for key, values in repeated.items() if key.lower() == name for value in values]
    return [value for key, value in (event.get("headers") or {}).items() if key.lower() == name]


def _is_taken(secret: str, digests: str) -> bool:
    """Compares with each digest, in a time that depends on none of them."""
    presented = sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
    return sum(compare_digest(presented, digest) for digest in digests.split(",")) > 0


def _address(viewer: str) -> str:
    """The address in ``192.0.2.1:443``, ``[2001:db8::1]:443`` or ``2001:db8::1:443``: CloudFront always tells the
    port, and an IPv6 address without brackets. Empty for anything else."""
    host, _, port = viewer.rpartition(":")
    address = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    family = AF_INET6 if ":" in address else AF_INET
    try:
        inet_pton(family, address)
    except (OSError, ValueError):
        return ""
    return address if port.isascii() and port.isdigit() else ""
