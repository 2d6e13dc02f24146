"""An identity provider that the functions can reach, and a person who signs in there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from authserver.aws.kms import KmsOpener
from authserver.identity.providers import wrap_secret
from authserver.models.configuration import IdentityProvider
from authserver.models.organisations import Organisation
from authserver.values import Secret
from tests.functions.gateway import Answer, Gateway
from tests.functions.given import stores_of
from tests.functions.journey import App, Browser, hidden_fields, native
from tests.functions.world import World
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIdProvider, serving

WORK = IdentityProvider(
    id="work",
    name="Work",
    issuer="",
    client_id=CLIENT_ID,
    domains=("work.example",),
    organisation="acme",
    sign_up=True,
    created_at=1,
)


@contextmanager
def federated(world: World, aliases: str = "", **overrides: Any) -> Iterator[OpenIdProvider]:
    """A provider on loopback, which the deployment knows as ``work``, and functions that have just started.

    `aliases` are the `EndpointAliases` that the function answers at.
    """
    parameters = {"LoopbackUpstreams": "true", "EndpointAliases": aliases}
    with serving(lambda issuer: OpenIdProvider(issuer, lambda: int(world.clock.time()))) as provider:
        configure(world, replace(WORK, issuer=provider.issuer, **overrides))
        fresh = {"login": world.load("login"), "federate": world.load("federate", **parameters)}
        with world.using(**fresh):
            yield provider


def configure(world: World, record: IdentityProvider) -> None:
    """As an operator does, in place of what there is."""
    world.aws.caller = ""
    opener = KmsOpener(world.aws.service("kms"), world.environment("federate")["KMS_KEY"])
    secret = wrap_secret(record.id, Secret(CLIENT_SECRET), opener)
    stores = stores_of(world)
    if record.organisation:
        stores.organisations.create(Organisation(record.organisation, "Acme"))
    providers = stores.identity_providers
    before = providers.get(record.id)
    assert providers.put(replace(record, client_secret=secret, version=before.version if before else 0))


class FederatedPerson(Browser):
    """Signs in at a provider."""

    def arrive(self, app: App | None = None, **parameters: Any) -> Answer:
        """At the sign-in page of a new request."""
        return self.follow(self.authorize((app or native(self.gateway)).request(**parameters)))

    def choose(self, page: Answer, *, email: str = "", provider: str = "work") -> Answer:
        """By a button, or by the address in the one field of the page."""
        choice = {"username": email, "password": "", "by": "email"} if email else {"provider": provider}
        return self.send("POST", "/federate", form=hidden_fields(page) | choice)

    def come_back(self, location: str) -> Answer:
        parts = urlsplit(location)
        assert f"{parts.scheme}://{parts.netloc}" == self.gateway.world.issuer
        return self.send("GET", parts.path, query=parts.query.encode())

    def sign_in_at(self, provider: OpenIdProvider, **parameters: Any) -> Answer:
        """There and back."""
        return self.come_back(provider.authorize(self.choose(self.arrive(**parameters)).location))

    def tokens_from(self, provider: OpenIdProvider) -> dict[str, Any]:
        app = native(self.gateway)
        page = self.arrive(app)
        answer = self.come_back(provider.authorize(self.choose(page).location))
        consent = self.send("GET", "/consent", query=urlsplit(answer.location).query.encode())
        code = self.decide(consent).location.partition("code=")[2].partition("&")[0]
        tokens: dict[str, Any] = app.exchange(code).json()
        return tokens


def federated_person(world: World) -> FederatedPerson:
    return FederatedPerson(Gateway(world))
