"""Signature Version 4 of a request of AWS's JSON protocols: a POST of a body to ``/``, by one set of credentials."""

import hmac
import time
from hashlib import sha256

from authserver.aws.lean.credentials import Credentials
from authserver.aws.lean.endpoints import Endpoint


class Signer:
    """Writes the heads of requests to one service. What is the same all day is put together once a day."""

    def __init__(self, service: str, endpoint: Endpoint, content_type: str) -> None:
        self._service = service
        self._endpoint = endpoint
        self._content_type = content_type
        self._day: _Day | None = None

    def head(self, target: str, body: bytes, credentials: Credentials, now: float) -> bytes:
        """The head of a signed request, the empty line included. `now` is in epoch seconds."""
        timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        day = self._day
        if day is None or day.date != timestamp[:8] or day.credentials is not credentials:
            day = self._day = _Day(timestamp[:8], credentials, self._service, self._endpoint, self._content_type)
        return day.head(target, body, timestamp)


class _Day:
    """The signing key of one day, and what else is the same in all requests of that day."""

    def __init__(
        self, date: str, credentials: Credentials, service: str, endpoint: Endpoint, content_type: str
    ) -> None:
        self.date = date
        self.credentials = credentials
        key = signing_key(credentials.secret_access_key, date, endpoint.region, service)
        self._keyed = hmac.new(key, digestmod="sha256")
        token = credentials.session_token
        signed_headers = f"content-type;host;x-amz-date;{'x-amz-security-token;' if token else ''}x-amz-target"
        scope = f"{date}/{endpoint.region}/{service}/aws4_request"
        host = endpoint.authority
        self._scope = f"\n{scope}\n"
        # The canonical request is this, the time, then ..., the target, then ..., and the hash of the body.
        self._canonical = f"POST\n/\n\ncontent-type:{content_type}\nhost:{host}\nx-amz-date:"
        self._canonical_target = f"\n{f'x-amz-security-token:{token}\n' if token else ''}x-amz-target:"
        self._canonical_end = f"\n\n{signed_headers}\n"
        # The head is this, the time, then ..., the target, then ..., the signature, then ..., and the body's length.
        self._head = (
            f"POST / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: authserver\r\nAccept-Encoding: identity\r\n"
            f"Content-Type: {content_type}\r\nX-Amz-Date: "
        )
        self._head_target = f"\r\n{f'X-Amz-Security-Token: {token}\r\n' if token else ''}X-Amz-Target: "
        self._head_signature = (
            f"\r\nAuthorization: AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, "
            f"SignedHeaders={signed_headers}, Signature="
        )

    def head(self, target: str, body: bytes, timestamp: str) -> bytes:
        canonical = (
            f"{self._canonical}{timestamp}{self._canonical_target}{target}{self._canonical_end}"
            f"{sha256(body).hexdigest()}"
        )
        to_sign = f"AWS4-HMAC-SHA256\n{timestamp}{self._scope}{sha256(canonical.encode()).hexdigest()}"
        mac = self._keyed.copy()
        mac.update(to_sign.encode())
        return (
            f"{self._head}{timestamp}{self._head_target}{target}{self._head_signature}{mac.hexdigest()}"
            f"\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()


def signing_key(secret_access_key: str, date: str, region: str, service: str) -> bytes:
    """The key of one day (``20250131``) in one region for one service."""
    key = f"AWS4{secret_access_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
