"""What operators, partners and clients themselves do to clients.

A change is one conditional write on the version that was read; where another request was quicker, it is repeated with
what is stored now. Secrets are 256 random bits, told once and kept as SHA-256; at most two are live.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from pydantic import Field

from authserver.documents import Document
from authserver.documents.client import FIELDS, ClientMetadata, Objection, Terms, metadata_of, objections
from authserver.management import Conflict, NotFound, Problem
from authserver.models.clients import TEST, Client, ClientSecret
from authserver.services import Services
from authserver.storage.clients import Licence
from authserver.values import base64url, sha256

ATTEMPTS = 4
MAX_LIVE_SECRETS = 2
DEFAULT_OVERLAP = 86_400
# What people are shown and where their answers go. Verifying an app verifies these.
VERIFIED_FIELDS = (
    *("client_name", "logo_uri", "client_uri", "policy_uri", "tos_uri", "settings_uri"),
    *("initiate_login_uri", "redirect_uris", "post_logout_redirect_uris", "scope", "preferred_subject_type"),
    "token_endpoint_auth_method",
)


class SecretDescription(Document):
    """A secret of a client. It cannot be read again."""

    id: str
    created_at: int
    expires_at: int | None = None
    used_at: int | None = Field(default=None, description="On the last day that it was used: when first. To the day")


class NewSecret(Document):
    """Asks for another secret. The others end `overlap` seconds from now."""

    overlap: int = Field(default=DEFAULT_OVERLAP, ge=0, le=30 * 86_400)


class IssuedSecret(SecretDescription):
    """A new secret; it is shown once."""

    client_secret: str


# ------------------------------------------------------------------ rules


def require_acceptable(metadata: ClientMetadata, terms: Terms) -> None:
    """Raises `Problem`, which names each field that cannot be so."""
    _raise(objections(metadata, terms))


def require_change_acceptable(metadata: ClientMetadata, terms: Terms, before: Client) -> None:
    """The same of a change. What was registered may stay as it is, also if it was turned off since: only what is new in
    a field, or goes together no longer, is held to the rules."""
    known = ClientMetadata.told(**metadata_of(before))
    stood = set(objections(known, terms))
    after = metadata_of(metadata.applied_to(before))
    kept = {name for name in FIELDS if after.get(name) == metadata_of(before).get(name)}
    _raise(one for one in objections(metadata, terms) if one not in stood or one[0].partition(".")[0] not in kept)


def _raise(found: Iterable[Objection]) -> None:
    errors = [{"field": name, "detail": detail} for name, detail in found]
    if errors:
        raise Problem(400, "The request is not valid", reason="invalid", errors=errors)


def patchable(client: Client, patch: Any) -> dict[str, Any]:
    """The metadata that a merge patch is applied to. Response types follow the grants unless the patch names them."""
    current = metadata_of(client)
    if isinstance(patch, dict) and "grant_types" in patch and "response_types" not in patch:
        del current["response_types"]
    return current


def as_unverified(before: Client, after: Client) -> Client:
    """The client as its owner may leave it: a test client again if what people rely on has changed.

    A scope or redirect URI less is a change as well: there is one rule, and the verifying operator sees every change.
    """
    changed = any(getattr(before, name) != getattr(after, name) for name in VERIFIED_FIELDS)
    return replace(after, verification=TEST) if changed else after


# ------------------------------------------------------------------ writes


def create(
    client: Client, services: Services, *, repeatable: bool, licence: Licence | None = None
) -> tuple[Client, str | None]:
    """Registers a client; it as it is stored, with its secret if it has one.

    `repeatable`: the identifier stands for the caller's idempotency key, so that the same client under it is the same
    call again. The answer to it gives another secret, since it is not known which of the two will arrive. One that was
    ended since is not made again: its identifier is dead for good. With a `licence` a use of it is taken; raises
    `Unlicensed`.
    """
    services.is_about(client.client_id)
    secret = random_secret(services)
    made = with_credentials(client, secret, services)
    if services.clients.create(made, licence):
        return made, told(secret, made)
    taken = services.clients.get(client.client_id)
    if taken == made:
        return made, told(secret, made)  # by ourselves: the answer to the write was lost
    if taken is None:
        raise Conflict("A client that was removed had this identifier", reason="client_ended")
    if not repeatable or (taken.owner, metadata_of(taken)) != (made.owner, metadata_of(made)):
        raise Conflict("There is such a client already", reason="client_exists")
    return _told_again(taken, secret, services)


def _told_again(taken: Client, secret: str, services: Services) -> tuple[Client, str | None]:
    def changed(client: Client) -> Client:
        if not client.has_secret or _holds(secret, client):
            return client
        if len(live(client.secrets, services.now())) >= MAX_LIVE_SECRETS:
            raise Conflict("There is such a client already", reason="client_exists")
        return replace(client, secrets=(*client.secrets, ClientSecret(sha256(secret), services.now())))

    client, _ = change(lambda: existing(taken.client_id, services), changed, services)
    return client, told(secret, client)


def change(
    find: Callable[[], Client], changed: Callable[[Client], Client], services: Services
) -> tuple[Client, str | None]:
    """Writes what `changed` makes of the client, and gives it with the secret that it now needs, if it needs one.

    Raises `NotFound` as `find` does, and `Conflict` if others keep being quicker.
    """
    secret = random_secret(services)  # once: an attempt whose answer was lost may have stored it
    for _ in range(ATTEMPTS):
        before = find()
        after = with_credentials(changed(before), secret, services)
        if after == before:
            return before, told(secret, before)
        if services.withdrawals.change_client(after):
            return replace(after, version=after.version + 1), told(secret, after)
    raise Conflict("The client is being changed by somebody else", reason="changed_meanwhile")


def with_credentials(client: Client, secret: str, services: Services) -> Client:
    """The client with the secret if it authenticates by one and has none, and without any if it does not."""
    if not client.has_secret:
        return replace(client, secrets=())
    if client.secrets:
        return client
    return replace(client, secrets=(ClientSecret(sha256(secret), services.now()),))


def told(secret: str, client: Client) -> str | None:
    """The secret if it is the client's."""
    return secret if _holds(secret, client) else None


def _holds(secret: str, client: Client) -> bool:
    return any(stored.hash == sha256(secret) for stored in client.secrets)


def end(find: Callable[[], Client], services: Services) -> None:
    """Removes the client as it was found: nothing that was issued to it stands ever after.

    Raises as `find` does, whose caller may have lost it meanwhile, and `Conflict` if others keep being quicker.
    """
    for _ in range(ATTEMPTS):
        client = find()
        if services.withdrawals.delete_client(client.client_id, client.version):
            return
    raise Conflict("The client is being changed by somebody else", reason="changed_meanwhile")


def existing(client_id: str, services: Services) -> Client:
    """The client. Raises `NotFound`, also for a registration that is over, and for a client that comes of a metadata
    document: that is no registration, and cannot be changed here."""
    is_documented = services.settings.admits_document(client_id)
    client = None if is_documented else services.clients.get(client_id)
    if client is None or client.is_expired(services.now()):
        raise NotFound("client")
    return client


# ------------------------------------------------------------------ secrets


def add_secret(find: Callable[[], Client], overlap: int, services: Services) -> tuple[ClientSecret, str]:
    """Another secret; the others end after the overlap. Raises `Conflict` if two would still be live."""
    secret = random_secret(services)
    stored = ClientSecret(sha256(secret), services.now())

    def changed(client: Client) -> Client:
        if not client.has_secret:
            raise Conflict("This client authenticates without a secret", reason="client_secretless")
        if stored in client.secrets:
            return client
        kept = _ending(client.secrets, services.now(), services.now() + overlap)
        if len(kept) >= MAX_LIVE_SECRETS:
            raise Conflict("Two secrets are live already; delete one or give no overlap", reason="secrets_live")
        return replace(client, secrets=(*kept, stored))

    change(find, changed, services)
    return stored, secret


def drop_secret(find: Callable[[], Client], secret_id: str, services: Services) -> None:
    """Ends a secret at once. Raises `NotFound`; and `Conflict` for the last, which a new one has to take over from.

    Only those that are live count: what has ended is not there any more, whether or not it is stored.
    """

    def changed(client: Client) -> Client:
        alive = live(client.secrets, services.now())
        kept = tuple(stored for stored in alive if secret_identifier(stored) != secret_id)
        if len(kept) == len(alive):
            raise NotFound("secret")
        if not kept:
            raise Conflict("This is the only secret; add another one first", reason="secret_last")
        return replace(client, secrets=kept)

    change(find, changed, services)


def describe_secrets(secrets: Iterable[ClientSecret], now: int) -> list[dict[str, Any]]:
    return [describe_secret(stored) for stored in live(secrets, now)]


def describe_secret(stored: ClientSecret) -> dict[str, Any]:
    times = {"expires_at": stored.expires_at, "used_at": stored.used_at}
    return {
        "id": secret_identifier(stored),
        "created_at": stored.created_at,
        **{name: at for name, at in times.items() if at is not None},
    }


def secret_identifier(stored: ClientSecret) -> str:
    """What tells a client's secrets apart, and nothing of them: a hash of the hash."""
    return base64url(sha256(f"{stored.hash.hex()} {stored.encoded}")[:9])


def random_secret(services: Services) -> str:
    """256 random bits."""
    return base64url(services.random(32))


def live(secrets: Iterable[ClientSecret], now: int) -> tuple[ClientSecret, ...]:
    """The secrets that have not ended."""
    return tuple(stored for stored in secrets if stored.expires_at is None or now < stored.expires_at)


def _ending(secrets: Iterable[ClientSecret], now: int, at: int) -> tuple[ClientSecret, ...]:
    """The live secrets, each ending `at` that time at the latest."""
    ends = ((stored, at if stored.expires_at is None else min(at, stored.expires_at)) for stored in secrets)
    return live((replace(stored, expires_at=end) for stored, end in ends), now)
