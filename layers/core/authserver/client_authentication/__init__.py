"""Client authentication: RFC 6749 section 2.3. One module per method that IANA registered; this module has what they
share.

A client uses the method that it is registered for. A client with a secret may send it in the header or in the body,
whichever of the two it registered: section 2.3.1 requires a server to accept Basic from every client with a secret, and
many libraries know only one of the two. With `ClientSecretIn=AsRegistered`, the server accepts the registered one
alone.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from authserver.errors import (
    InvalidClient,
    InvalidRequest,
    OAuthError,
    TemporarilyUnavailable,
    TooManyAttempts,
    TooManySecrets,
)
from authserver.identity.refusals import Noted
from authserver.models.clients import Client, ClientSecret
from authserver.records import replace
from authserver.services import AuthenticatedClient, Named, Services
from authserver.values import Secret, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from authserver.messages.token import ClientRequest, PresentedSecret
    from authserver.plugins import ClientAuthenticationMethod

NOBODYS_HASH = bytes(32)
DAY = 86_400
NOTHING = Named()
BY_SECRET = frozenset({"client_secret_basic", "client_secret_post"})  # the same secret, in the header or in the body
BARE_SHA256 = "$sha256$"  # and 64 hexadecimal digits, as doorkeeper hashes what is random
RANDOM_LENGTH = 22  # characters: 128 bits in base64url, the least that a fast hash can keep


def nothing_named() -> Named:
    return NOTHING


def refuse_leak(request: ClientRequest, services: Services) -> None:
    """RFC 6749 section 2.3.1: a credential in an address is in a server's log from now on, which is noted for the
    developer of the client that the address names. Raises `InvalidRequest`."""
    if not request.leaks:
        return
    refusal = InvalidRequest("Client credentials must not be in the URI", reason="credentials_in_query")
    client, client_id = None, request.parameters.get("client_id")
    with suppress(OAuthError):
        client = NOTHING.standing(services, client_id=client_id, source=request.source).client if client_id else None
    if client is None:
        raise refusal
    services.told["client_id"] = client.client_id
    with Noted(client.client_id, request.reference, services):
        raise refusal


def authenticate(
    request: ClientRequest, services: Services, name: Callable[[], Named] = nothing_named
) -> AuthenticatedClient:
    """The client that sent `request`, authenticated by the one method that the request uses.

    `name` says what the request's credential names. That is read together with the client, in one read, and is in the
    answer. If a key was withdrawn meanwhile, `name` is called once more and everything is read again, because a
    credential must not be judged by a read that did not yet know what it names.

    Raises:
        InvalidRequest: more than one method, or two different client identifiers.
        InvalidClient: anything else; only the log has the reason.
        TooManySecrets: too many attempts at a secret that may be guessed.
    """
    method, presented = _the_one_presented(request, services)
    with Noted(presented.client_id, request.reference, services):
        named = name()
        standing = named.standing(services, client_id=presented.client_id, source=request.source)
        if not services.keys.are_current():
            named = name()
            standing = named.standing(services, client_id=presented.client_id, source=request.source)
        if request.is_legacy and standing.client is not None and standing.client.is_public:
            method = _without_left_over_secret(method, services)
        return AuthenticatedClient(_proven_client(standing.client, method, presented, services), standing, named)


def _without_left_over_secret(method: ClientAuthenticationMethod, services: Services) -> ClientAuthenticationMethod:
    """PlaceOS's public clients may send a secret that they had once; there, and in the body, it is as good as none."""
    return services.client_authentication.get("none", method) if method.METHOD == "client_secret_post" else method


def _proven_client(
    client: Client | None, method: ClientAuthenticationMethod, presented: PresentedSecret, services: Services
) -> Client:
    proven = method.verify(client or _nobody(presented.client_id), presented, services)
    if client is None:
        raise InvalidClient("Client authentication failed", reason="client_unknown")
    services.told["client_id"] = client.client_id
    if not client.is_active or client.is_expired(services.now()):
        raise InvalidClient("Client authentication failed", reason="client_disabled")
    if not _may_use(client, method, services):
        raise InvalidClient(_told_of_method(client, proven=proven), reason="client_method")
    if not proven:
        raise InvalidClient("Client authentication failed", reason="client_secret")
    return client


def _may_use(client: Client, method: ClientAuthenticationMethod, services: Services) -> bool:
    registered = client.token_endpoint_auth_method
    if registered == method.METHOD:
        return True
    return not services.settings.client_secret_as_registered and {registered, method.METHOD} <= BY_SECRET


def _told_of_method(client: Client, *, proven: bool) -> str:
    """The registered method, for a caller that has the client's secret. Other callers learn nothing of it."""
    if not proven:
        return "Client authentication failed"
    return f"This client is registered for {client.token_endpoint_auth_method}"


def secret_is_live(client: Client, presented: PresentedSecret, services: Services) -> bool:
    """Whether the secret is one of the client's live ones. Compares with two hashes, however many there are.

    Raises `TooManySecrets` if a slow hash would have to be computed too often.
    """
    secret = presented.secret
    if secret is None:
        return False
    now = services.now()
    live = [stored for stored in client.secrets if stored.expires_at is None or now < stored.expires_at][:2]
    padded = [*(stored.hash for stored in live), NOBODYS_HASH, NOBODYS_HASH][:2]
    matches = secret.matches_each(padded)
    if any(matches):
        _note_use(client, live[matches.index(True)], services)
        return True
    imported = [stored for stored in live if stored.encoded]
    return bool(imported) and _is_imported(client, imported, secret, presented.source, services)


def _is_imported(
    client: Client, imported: Iterable[ClientSecret], secret: Secret, source: str, services: Services
) -> bool:
    """Whether the secret is one whose hash came from another system: slow to compute, and perhaps possible to guess.

    Attempts are therefore bounded before anything is hashed. The time may reveal whether a client exists or has such a
    hash: client identifiers are not secret.
    """
    from authserver.identity.throttle import count_client_attempt, give_back, note_right_secret, note_wrong

    try:
        attempt = count_client_attempt(client.client_id, source, services)
    except TooManyAttempts as error:
        raise TooManySecrets(error.retry_after) from None
    for stored in imported:
        if _is_hash_of(stored.encoded, secret, services):
            give_back(attempt, services)
            if len(secret.reveal()) >= RANDOM_LENGTH:
                _keep_its_sha256(client, stored, secret, services)
            else:
                note_right_secret(client.client_id, source, services)
                _note_use(client, stored, services)
            return True
    note_wrong(attempt, services)
    return False


def _is_hash_of(encoded: str, secret: Secret, services: Services) -> bool:
    """Whether another system's hash is the secret's; a bare SHA-256 is no password's, so only secrets have it."""
    if encoded.startswith(BARE_SHA256):
        return secret.matches(bytes.fromhex(encoded.removeprefix(BARE_SHA256)))
    return services.passwords.matches(secret, encoded)


def _keep_its_sha256(client: Client, stored: ClientSecret, secret: Secret, services: Services) -> None:
    """After its first correct use, stores the secret's SHA-256, so that it costs no more than a secret of this server.
    If the write fails, the next use repeats it."""
    kept = replace(stored, hash=sha256(secret.reveal()), encoded="", used_at=services.now())
    with suppress(TemporarilyUnavailable):
        services.clients.rehash(client.client_id, client.secrets.index(stored), stored.encoded, kept)


def _note_use(client: Client, stored: ClientSecret, services: Services) -> None:
    """Notes the use of a secret once a day, so that the client's owner sees which secret is in use. If the write fails,
    the next use repeats it."""
    now = services.now()
    if stored.used_at is not None and stored.used_at // DAY == now // DAY:
        return
    with suppress(TemporarilyUnavailable):
        services.clients.note_use(client.client_id, client.secrets.index(stored), stored, now)


def _the_one_presented(
    request: ClientRequest, services: Services
) -> tuple[ClientAuthenticationMethod, PresentedSecret]:
    found = [
        (method, presented)
        for method in services.client_authentication.values()
        if (presented := method.presented(request)) is not None
    ]
    if len(found) > 1:
        raise InvalidRequest("More than one client authentication method is used", reason="client_methods")
    if not found:
        raise InvalidClient("Client authentication is required", reason="client_credentials_missing")
    method, presented = found[0]
    if request.parameters.get("client_id", presented.client_id) != presented.client_id:
        raise InvalidRequest("client_id differs from the authenticated client", reason="client_id_differs")
    return method, presented


def _nobody(client_id: str) -> Client:
    """The client that is verified in place of an unknown one, so that both cost the same time."""
    return Client(client_id=client_id, client_name="")
