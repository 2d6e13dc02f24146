"""A client that authenticates by assertions, made of PyJWT alone and of nothing of ours, as is `openid_provider`."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
from jwt.algorithms import OKPAlgorithm

from tests.openid_provider import private_key, public_jwk

_jws = jwt.PyJWS()
_jws.register_algorithm("Ed25519", OKPAlgorithm())

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Signer:
    """Signs for a client. `claims` and `header` change what the next assertions say (None leaves out)."""

    client_id: str
    audience: Any
    now: Callable[[], int]
    algorithm: str = "ES256"
    kid: str = "one"
    number: int = 0
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)

    @property
    def jwk(self) -> dict[str, Any]:
        return public_jwk(self.algorithm, self.kid, self.number)

    @property
    def jwks(self) -> str:
        return json.dumps({"keys": [self.jwk]})

    def assertion(self, **claims: Any) -> str:
        now = self.now()
        said = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 60,
            **self.claims,
            **claims,
        }
        content = json.dumps({name: value for name, value in said.items() if value is not None}).encode()
        header = {"kid": self.kid, "typ": "JWT", **self.header}
        return _jws.encode(
            content,
            private_key(self.algorithm, self.number),
            self.header.get("alg", self.algorithm),
            headers={name: value for name, value in header.items() if value is not None},
            is_payload_detached=False,
        )

    def form(self, **claims: Any) -> dict[str, str]:
        """The parameters of a request that is authenticated by a new assertion."""
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion(**claims)}
