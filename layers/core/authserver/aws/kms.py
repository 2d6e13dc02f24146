"""Wraps and unwraps key material with one KMS key; the ring and the key identifier are bound in as context."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from authserver.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KmsOpener:
    """Implements `services.Opener`."""

    def __init__(self, client: "KMSClient", key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def wrap(self, plaintext: bytes, *, ring: str, kid: str) -> bytes:
        """At most 4,096 octets, which a 2048-bit RSA key fits."""
        try:
            answer = self._client.encrypt(
                KeyId=self._key_id, Plaintext=plaintext, EncryptionContext={"ring": ring, "kid": kid}
            )
        except (BotoCoreError, ClientError) as error:
            raise TemporarilyUnavailable("The key service did not answer", reason="kms_encrypt") from error
        return answer["CiphertextBlob"]

    def unwrap(self, wrapped: bytes, *, ring: str, kid: str) -> bytes:
        try:
            answer = self._client.decrypt(
                KeyId=self._key_id, CiphertextBlob=wrapped, EncryptionContext={"ring": ring, "kid": kid}
            )
        except (BotoCoreError, ClientError) as error:
            raise TemporarilyUnavailable("The key service did not answer", reason="kms_decrypt") from error
        return answer["Plaintext"]
