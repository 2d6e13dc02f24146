"""The revocation of single tokens and of their authorizations: the part of withdrawals that clients request."""

from __future__ import annotations

from typing import Protocol


class RevocationStore(Protocol):
    def revoke(
        self,
        authorization_id: str,
        now: int,
        client_id: str | None = None,
        *,
        only_public: bool = False,
        reason: str = "",
    ) -> bool:
        """Revokes an authorization for good, if it exists and (if given) belongs to `client_id`; idempotent.

        Returns whether it is revoked. `only_public`: only if it was granted to a public client.
        `reason` says why the server does so by itself; the first one stays.
        """

    def revoke_access_token(
        self, authorization_id: str, client_id: str, entry: str, bound: int, *, only_public: bool = False
    ) -> bool:
        """Notes one access token (``<expires_at>.<jti>``) as revoked in its authorization.

        False when the authorization is missing, another client's, or already notes `bound` tokens; with `only_public`,
        also when it was not granted to a public client.
        """

    def revoke_opaque(self, access_token_id: str) -> None:
        """Revokes an opaque access token, if it exists."""

    def revoke_jwt(self, jti: str, expires_at: int) -> None:
        """Revokes a JWT access token without an authorization, until `expires_at`, which must be later than any clock
        accepts it."""
