"""Password hashes that cost nothing."""

import hashlib
import hmac

from authserver.values import Secret


class FakePasswords:
    """Implements `services.PasswordHasher`, and costs nothing."""

    def hash(self, password: Secret) -> str:
        return "fake:" + hashlib.sha256(password.reveal().encode()).hexdigest()

    def verify(self, password: Secret, password_hash: str | None) -> bool:
        return password_hash is not None and hmac.compare_digest(
            self.hash(password), password_hash.removeprefix("old ")
        )

    def matches(self, password: Secret, password_hash: str) -> bool:
        return self.verify(password, password_hash)

    def is_outdated(self, password_hash: str) -> bool:
        return password_hash.startswith("old ")
