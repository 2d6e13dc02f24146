"""Wraps and unwraps key material with one KMS key; the ring and the key identifier are bound in as context."""

from __future__ import annotations

import base64

from authserver.aws.service import Refused, Service, Unreachable
from authserver.errors import TemporarilyUnavailable


class KmsOpener:
    """Implements `services.Opener`."""

    def __init__(self, kms: Service, key_id: str) -> None:
        self._kms = kms
        self._key_id = key_id

    def wrap(self, plaintext: bytes, *, ring: str, kid: str) -> bytes:
        """At most 4,096 octets, which a 2048-bit RSA key fits."""
        asked = {"Plaintext": base64.b64encode(plaintext).decode()}
        return self._asked("Encrypt", asked, "CiphertextBlob", ring, kid)

    def unwrap(self, wrapped: bytes, *, ring: str, kid: str) -> bytes:
        asked = {"CiphertextBlob": base64.b64encode(wrapped).decode()}
        return self._asked("Decrypt", asked, "Plaintext", ring, kid)

    def _asked(self, operation: str, asked: dict[str, str], answer: str, ring: str, kid: str) -> bytes:
        arguments = {"KeyId": self._key_id, **asked, "EncryptionContext": {"ring": ring, "kid": kid}}
        try:
            return base64.b64decode(self._kms.call(operation, arguments)[answer])
        except (Refused, Unreachable) as error:
            raise TemporarilyUnavailable("The key service did not answer", reason=f"kms_{operation.lower()}") from error
