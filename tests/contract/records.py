"""Records to try the laws on: each call makes new identifiers, so that tests can share a table."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from authserver.identity.audit import identifier as audit_identifier
from authserver.models.api_keys import ApiKey
from authserver.models.audit import AuditEvent, day_of
from authserver.models.browsers import Consent, Federation, PendingRequest, Session
from authserver.models.chain import Link, entry_of
from authserver.models.configuration import IdentityProvider
from authserver.models.journal import Activity
from authserver.models.organisations import MEMBER, Membership
from authserver.models.tokens import AccessTokenRecord, Authorization, DeviceRequest
from authserver.models.users import User
from authserver.models.webhooks import Webhook, WebhookSecret
from authserver.storage.configuration import IdentityProviderStore
from authserver.storage.lists import Page
from authserver.storage.tokens import TokenStore
from authserver.tokens.opaque import authorization_id, key_of
from authserver.values import Scope, base64url, sha256
from tests.fakes import START, Random

NOW = START
CODE_LIFETIME = 60
IDLE = NOW + 1000
END = NOW + 5000
CODE_HASH = sha256("the code's secret")

_random = Random("records")


def identifier() -> str:
    """16 octets that were never drawn before, in base64url."""
    return base64url(_random(16))


def key(text: str) -> str:
    """What `standing` and `browser_state` know a subject or client by."""
    return base64url(key_of(text))


def event(**overrides: Any) -> AuditEvent:
    """What an operator did to a client."""
    defaults: dict[str, Any] = {
        "id": audit_identifier(NOW, _random(10)),
        "created_at": NOW,
        "expires_at": END,
        "act": "client.changed",
        "actor_kind": "user",
        "actor": f"sub-{identifier()}",
        "object_kind": "client",
        "object_id": f"client-{identifier()}",
        "client": "console",
        "fields": ("scope", "status"),
    }
    return AuditEvent(**{**defaults, **overrides})


def link(*events: AuditEvent, **overrides: Any) -> Link:
    """The first link of a shard, with these events or another."""
    defaults: dict[str, Any] = {
        "shard": "0",
        "day": day_of(NOW),
        "number": 1,
        "previous": "",
        "before": "",
        "sealed_at": NOW,
        "kept_until": END,
        "entries": tuple(map(entry_of, events or (event(),))),
    }
    return Link(**{**defaults, **overrides})


def authorization(**overrides: Any) -> Authorization:
    """One whose code was just issued."""
    subject = overrides.get("subject", f"sub-{identifier()}")
    defaults: dict[str, Any] = {
        "id": base64url(authorization_id(_random(16), subject, overrides.get("organisation", ""))),
        "client_id": f"client-{identifier()}",
        "subject": subject,
        "scope": Scope.parse("openid read"),
        "resource": ("https://api.example",),
        "salt": _random(16),
        "created_at": NOW,
        "expires_at": NOW + CODE_LIFETIME,
        "auth_time": NOW - 5,
        "code_hash": CODE_HASH,
        "code_expires_at": NOW + CODE_LIFETIME,
    }
    return Authorization(**{**defaults, **overrides})


def created(tokens: TokenStore, **overrides: Any) -> Authorization:
    """One whose code was just issued, and stored."""
    record = authorization(**overrides)
    tokens.create(record)
    return record


def redeemed(tokens: TokenStore, **overrides: Any) -> Authorization:
    """One whose code was redeemed at `NOW`; as it is stored."""
    record = created(tokens, **overrides)
    tokens.redeem(record.id, record.code_hash, "the redeemer", NOW, IDLE, END)
    stored = find(tokens, record)
    assert stored is not None
    return stored


def find(tokens: TokenStore, record: Authorization) -> Authorization | None:
    """The record as it is stored now."""
    return tokens.standing(
        subject_key=key(record.subject), client_key=key(record.client_id), authorization_id=record.id
    ).authorization


def access_token(**overrides: Any) -> AccessTokenRecord:
    defaults: dict[str, Any] = {
        "id": identifier(),
        "secret_hash": sha256("secret"),
        "client_id": f"client-{identifier()}",
        "subject": f"sub-{identifier()}",
        "scope": Scope.parse("read"),
        "audience": ("https://api.example",),
        "issued_at": NOW,
        "expires_at": NOW + 600,
    }
    return AccessTokenRecord(**{**defaults, **overrides})


def api_key(**overrides: Any) -> ApiKey:
    """One of a user who has nothing else, unless told otherwise."""
    whose = {} if "client_id" in overrides else {"subject": f"sub-{identifier()}"}
    defaults: dict[str, Any] = {
        "id": identifier(),
        "name": "A report",
        "secret_hash": sha256("secret"),
        "scope": Scope.parse("read"),
        "resource": ("https://api.example",),
        "created_at": NOW,
        "expires_at": END,
    }
    return ApiKey(**{**defaults, **whose, **overrides})


def device(**overrides: Any) -> DeviceRequest:
    """A device that waits."""
    defaults: dict[str, Any] = {
        "id": identifier(),
        "secret_hash": sha256(identifier()),
        "client_id": f"client-{identifier()}",
        "parameters": {"scope": "read"},
        "resource": (),
        "source": "192.0.2.1",
        "created_at": NOW,
        "expires_at": NOW + 900,
        "interval": 5,
    }
    return DeviceRequest(**{**defaults, **overrides})


def session(**overrides: Any) -> Session:
    defaults: dict[str, Any] = {
        "id": identifier(),
        "secret_hash": sha256("cookie"),
        "subject": f"sub-{identifier()}",
        "auth_time": NOW - 5,
        "created_at": NOW,
        "expires_at": NOW + 600,
        "signed_in_for": identifier(),
    }
    return Session(**{**defaults, **overrides})


def activity(**overrides: Any) -> Activity:
    defaults: dict[str, Any] = {
        "id": identifier(),
        "subject": f"sub-{identifier()}",
        "kind": "signed_in",
        "created_at": NOW,
        "expires_at": NOW + 600,
    }
    return Activity(**{**defaults, **overrides})


def pending_request(**overrides: Any) -> PendingRequest:
    defaults: dict[str, Any] = {
        "id": identifier(),
        "browser_hash": sha256("browser"),
        "salt": _random(16),
        "parameters": {"response_type": "code", "state": "s"},
        "resource": (),
        "expires_at": NOW + 600,
    }
    return PendingRequest(**{**defaults, **overrides})


def consent(**overrides: Any) -> Consent:
    defaults: dict[str, Any] = {
        "subject": f"sub-{identifier()}",
        "client_id": f"client-{identifier()}",
        "scope": Scope.parse("read"),
        "resource": frozenset({"https://api.example"}),
        "created_at": NOW,
        "expires_at": NOW + 600,
    }
    return Consent(**{**defaults, **overrides})


def membership(organisation: str, subject: str, role: str = MEMBER, **overrides: Any) -> Membership:
    """One with an epoch that no other has."""
    return Membership(
        **{
            "organisation": organisation,
            "subject": subject,
            "role": role,
            "created_at": NOW,
            "epoch": identifier(),
            **overrides,
        }
    )


def user(**overrides: Any) -> User:
    defaults: dict[str, Any] = {
        "sub": f"sub-{identifier()}",
        "username": f"user-{identifier()}".lower(),
        "password_hash": "hash",
    }
    return User(**{**defaults, **overrides})


def listed[R](part: Callable[[int, str | None], Page[R]]) -> list[R]:
    """Every record of a list, which is the same in parts of any size. `part` gives one by its limit and cursor."""
    in_twos = _walked(part, 2)
    assert in_twos == _walked(part, 100)
    return in_twos


def _walked[R](part: Callable[[int, str | None], Page[R]], limit: int) -> list[R]:
    found: list[R] = []
    cursor = None
    while True:
        page = part(limit, cursor)
        assert len(page.items) <= limit
        found += page.items
        cursor = page.next
        if cursor is None:
            return found


def webhook(**overrides: Any) -> Webhook:
    identifier = _random(8).hex()
    defaults: dict[str, Any] = {
        "id": identifier,
        "url": f"https://{identifier}.example/hook?key=k",
        "types": ("user.*", "session.ended"),
        "description": "Ours",
        "secrets": (WebhookSecret(_random(32), 1_000), WebhookSecret(_random(32), 500, 1_500)),
        "created_at": 500,
        "updated_at": 1_000,
    }
    return Webhook(**{**defaults, **overrides})


def identity_provider(**overrides: Any) -> IdentityProvider:
    defaults: dict[str, Any] = {
        "id": f"idp-{_random(8).hex()}",
        "name": "An identity provider",
        "issuer": "https://idp.example",
        "client_id": "authserver",
        "client_secret": b"wrapped",
        "created_at": NOW,
    }
    return IdentityProvider(**{**defaults, **overrides})


def configured(providers: IdentityProviderStore, **overrides: Any) -> IdentityProvider:
    """One that was added; as it is stored."""
    provider = identity_provider(**overrides)
    assert providers.put(provider)
    return replace(provider, version=1)


def federation(**overrides: Any) -> Federation:
    defaults: dict[str, Any] = {
        "id": identifier(),
        "request_id": identifier(),
        "provider": "work",
        "nonce": "nonce",
        "code_verifier": "verifier",
        "expires_at": NOW + 600,
    }
    return Federation(**{**defaults, **overrides})
