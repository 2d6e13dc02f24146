"""An authenticator in memory: makes passkeys and signs challenges as a browser's JSON forms have it (WebAuthn)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from authserver.values import base64url, from_base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Authenticator:
    """One device with one passkey. `origin` and `flags` are what a liar may change."""

    def __init__(self, origin: str, *, counts: bool = False, name: str = "authenticator") -> None:
        self.origin = origin
        self.flags = PRESENT | VERIFIED
        self.id = hashlib.sha256(name.encode()).digest()
        self.count = 0
        self._counts = counts
        self._handle = b""
        self._key = ec.generate_private_key(ec.SECP256R1())

    def belongs_to(self, user_handle: bytes) -> None:
        """Makes the passkey this user's, without a ceremony."""
        self._handle = user_handle

    @property
    def public_key(self) -> bytes:
        """The COSE key that a server keeps."""
        return self._public_key()

    def register(self, options: Mapping[str, Any], **changed: Any) -> str:
        """The answer to ``navigator.credentials.create``."""
        self._handle = from_base64url(options["user"]["id"])
        client_data = self._client_data("webauthn.create", options, changed)
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + self._public_key()
        attestation = {
            "fmt": "none",
            "attStmt": {},
            "authData": self._data(options["rp"]["id"], ATTESTED) + attested,
        }
        response = {
            "clientDataJSON": base64url(client_data),
            "attestationObject": base64url(cbor2.dumps(attestation)),
            "transports": ["internal"],
        }
        return self._credential(response)

    def sign(self, options: Mapping[str, Any], **changed: Any) -> str:
        """The answer to ``navigator.credentials.get``; `changed` are members of the client data, or the handle."""
        handle = changed.pop("handle", self._handle)
        if self._counts:
            self.count += 1
        client_data = self._client_data("webauthn.get", options, changed)
        data = self._data(changed.pop("rp_id", options["rpId"]))
        signature = self._key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": base64url(client_data),
            "authenticatorData": base64url(data),
            "signature": base64url(signature),
            "userHandle": base64url(handle),
        }
        return self._credential(response)

    def _client_data(self, kind: str, options: Mapping[str, Any], changed: Mapping[str, Any]) -> bytes:
        members = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps({**members, **changed}).encode()

    def _data(self, rp_id: str, flags: int = 0) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + bytes([self.flags | flags]) + self.count.to_bytes(4)

    def _public_key(self) -> bytes:
        numbers = self._key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        return cbor2.dumps(cose)

    def _credential(self, response: Mapping[str, Any]) -> str:
        identifier = base64url(self.id)
        return json.dumps({"id": identifier, "rawId": identifier, "type": "public-key", "response": response})
