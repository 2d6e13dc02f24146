"""Identity providers, for operators: /admin/identity-providers. Their client secrets go in and never come out."""

from dataclasses import replace
from typing import Any

from authserver.documents import identity_provider as documents
from authserver.identity.claims import claims_of_provider
from authserver.identity.providers import wrap_secret
from authserver.management import Answer, Call, Conflict, Invalid, NotFound, Operation
from authserver.management.audited import act
from authserver.models.configuration import IdentityProvider
from authserver.services import Services
from authserver.storage.configuration import CallbackTaken, DomainTaken
from authserver.values import Secret, base64url, from_base64url

ATTEMPTS = 4


def list_providers(_call: Call, services: Services) -> Answer:
    """Every provider, oldest first."""
    return Answer(document={"items": [_write(provider) for provider in services.identity_providers.list()]})


@act("identity_provider.created")
def create_provider(call: Call, services: Services) -> Answer:
    """Adds a provider. People may sign in through it within a minute."""
    wanted = call.read(documents.NewIdentityProvider)
    identifier = wanted.id or from_base64url(call.new_identifier(services, 8)).hex()
    existing, made_by = services.identity_providers.get(identifier), _made_by(call, services)
    if existing is None:
        if made_by and services.identity_providers.ended(identifier) == made_by:
            raise Conflict("What this Idempotency-Key made has ended", reason="provider_ended")
        given = documents.IdentityProvider(**{**wanted.model_dump(), "id": identifier})
        existing = replace(
            given.record(wrapped(given, services), services.now()), made_by=made_by, epoch=_new_epoch(services)
        )
        services.is_about(identifier)
        if not _put(existing, services):
            raise Conflict("The identifier is taken")
    elif not made_by or existing.made_by != made_by:
        raise Conflict("The identifier is taken")
    return Answer(201, _write(existing))


def get_provider(call: Call, services: Services) -> Answer:
    """A provider."""
    return Answer(document=_write(_provider(call, services)))


@act("identity_provider.changed", "idp")
def change_provider(call: Call, services: Services) -> Answer:
    """Changes a provider. While it is disabled, users cannot sign in through it; earlier sessions stay."""
    for _ in range(ATTEMPTS):
        changed = _changed(call, _provider(call, services), services)
        if _put(changed, services):
            return Answer(document=_write(changed))
    raise Conflict("The identity provider is being changed by somebody else", reason="changed_meanwhile")


def _changed(call: Call, provider: IdentityProvider, services: Services) -> IdentityProvider:
    """What the body makes of a provider, with the secret that it has then."""
    given = patched(call, provider)
    keeps = "client_secret" not in call.body and given.token_endpoint_auth_method != "none"
    secret = provider.client_secret if keeps else wrapped(given, services)
    return replace(
        given.record(secret, provider.created_at),
        made_by=provider.made_by,
        epoch=provider.epoch if given.issuer == provider.issuer else _new_epoch(services),
        version=provider.version,
    )


@act("identity_provider.deleted", "idp")
def delete_provider(call: Call, services: Services) -> Answer:
    """Removes a provider and frees its domains and path. Its users stay, without a way in of their own; tokens and
    userinfo no longer tell what it told of them for attributes."""
    services.identity_providers.delete(_provider(call, services).id)
    return Answer()


def _provider(call: Call, services: Services) -> IdentityProvider:
    provider = services.identity_providers.get(call.path["idp"])
    if provider is None:
        raise NotFound("identity provider")
    return provider


def patched(call: Call, before: IdentityProvider) -> documents.IdentityProvider:
    """What the body makes of a provider. What one issuer gave us is not sent to another. Raises `Problem`."""
    fields = set(documents.Provider.model_fields) - {"client_secret"}
    current = documents.DescribedProvider.of(before).model_dump(mode="json", include=fields)
    current["claims"] = claims_of_provider(before)
    wanted = call.patched(documents.Provider, current)
    given = documents.IdentityProvider.told(**dict(wanted), id=before.id)
    needs_secret = given.token_endpoint_auth_method != "none"
    if given.issuer != before.issuer and needs_secret and "client_secret" not in call.body:
        raise Invalid("client_secret", "must be given anew with another issuer")
    return given


def wrapped(given: documents.IdentityProvider, services: Services) -> bytes:
    if not given.client_secret:
        return b""
    return wrap_secret(given.id, Secret(given.client_secret), services.opener)


def _new_epoch(services: Services) -> str:
    return base64url(services.random(8))


def _made_by(call: Call, services: Services) -> str:
    """The identifier that is made of the call's Idempotency-Key; empty if it has none."""
    return call.new_identifier(services) if call.idempotency_key else ""


def _put(provider: IdentityProvider, services: Services) -> bool:
    """Writes a provider unless it was changed meanwhile; tells whether. Raises `Problem`."""
    if provider.organisation and services.organisations.get(provider.organisation) is None:
        raise Invalid("organisation", "must be one that there is")
    try:
        return services.identity_providers.put(provider)
    except DomainTaken:
        raise Conflict("Another identity provider has one of these domains", reason="domain_taken") from None
    except CallbackTaken:
        raise Conflict("Another identity provider has this callback_path", reason="callback_taken") from None


def _write(provider: IdentityProvider) -> dict[str, Any]:
    return documents.DescribedProvider.of(provider).model_dump(mode="json")


READ, WRITE = "admin:idps.read", "admin:idps.write"
ONE = "/admin/identity-providers/{idp}"

OPERATIONS = (
    Operation(
        "GET /admin/identity-providers",
        "List identity providers",
        READ,
        list_providers,
        answer=documents.DescribedProviders,
    ),
    Operation(
        "POST /admin/identity-providers",
        "Add an identity provider",
        WRITE,
        create_provider,
        body=documents.NewIdentityProvider,
        answer=documents.DescribedProvider,
        status=201,
        is_create=True,
    ),
    Operation(f"GET {ONE}", "Read an identity provider", READ, get_provider, answer=documents.DescribedProvider),
    Operation(
        f"PATCH {ONE}",
        "Change an identity provider",
        WRITE,
        change_provider,
        body=documents.Provider,
        answer=documents.DescribedProvider,
    ),
    Operation(f"DELETE {ONE}", "Remove an identity provider", WRITE, delete_provider, status=204),
)
