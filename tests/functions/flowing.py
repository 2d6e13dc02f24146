"""What a flow is, and the lists of them all."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tests.functions.gateway import Answer
from tests.functions.world import World
from tests.origin import Origin, an_origin

WITH_DOCUMENTS = (
    *("authorize", "login", "consent", "federate", "logout", "token", "refresh", "revoke", "introspect", "documents"),
    *("my", "organisations", "account", "admin", "metadata"),
)
type Flow = Callable[[World], None]

FLOWS: dict[str, Flow] = {}
LEGACY_FLOWS: dict[str, Flow] = {}  # what there is besides under `LEGACY`
REGISTRATION_FLOWS: dict[str, Flow] = {}  # what there is besides where clients may register themselves
MAIL_FLOWS: dict[str, Flow] = {}  # what there is besides where mails are sent
DEVICE_FLOWS: dict[str, Flow] = {}  # what there is besides where devices are authorized
DEVICE = {"DeviceGrant": "true"}
API_KEY_FLOWS: dict[str, Flow] = {}  # what there is besides where there are API keys
API_KEYS = {"ApiKeys": "On", "BearerTokenIn": "HeaderOrApiKey"}
WEBHOOK_FLOWS: dict[str, Flow] = {}  # what there is besides where events are sent to webhooks
WEBHOOKS = {"Events": "On", "Webhooks": "On"}
DOCUMENT_FLOWS: dict[str, Flow] = {}  # what there is besides where clients come of metadata documents
BRIDGE_FLOWS: dict[str, Flow] = {}  # what there is besides where refresh tokens come over from another system
BRIDGE = {
    "RefreshTokenBridge": "arn:aws:lambda:eu-central-1:123456789012:function:RefreshTokenBridge",
    "RefreshTokenBridgeUntil": "2099-01-01",
}
DOCUMENTS = {"ClientDocuments": "On", "LoopbackUpstreams": "true"}
PLACEOS_FLOWS: dict[str, Flow] = {}  # what there is besides at the paths of other systems
PLACEOS = {"EndpointAliases": "oauth,placeos,cognito,keycloak", "PasswordGrant": "true", "ScriptSignIn": "true"}
HOOK_FLOWS: dict[str, Flow] = {}  # what there is besides where an operator has a token hook
HOOK = {"TokenHook": "arn:aws:lambda:eu-central-1:123456789012:function:TokenHook:live"}
MAIL = {"MailFrom": "authserver@as.example"}
LEGACY = {"ImplicitGrant": "true", "PasswordGrant": "true"}


def flow(perform: Flow) -> Flow:
    FLOWS[perform.__name__] = perform
    return perform


def legacy_flow(perform: Flow) -> Flow:
    """A flow of a deployment that has turned on what others leave off, with newly started functions."""

    def perform_there(world: World) -> None:
        names = ("authorize", "login", "consent", "token", "metadata")
        with world.using(**{name: world.load(name, **LEGACY) for name in names}):
            perform(world)

    LEGACY_FLOWS[perform.__name__] = perform_there
    return perform_there


def mail_flow(perform: Flow) -> Flow:
    """A flow of a deployment that sends mails, with newly started functions."""

    def perform_there(world: World) -> None:
        with sending_mails(world):
            perform(world)

    MAIL_FLOWS[perform.__name__] = perform_there
    return perform_there


def sending_mails(world: World) -> AbstractContextManager[None]:
    """The functions as they are where mails are sent."""
    return world.using(**{name: world.load(name, **MAIL) for name in ("login", "my", "recover", "admin", "mail")})


def device_flow(perform: Flow) -> Flow:
    """A flow of a deployment that authorizes devices, with newly started functions."""

    def perform_there(world: World) -> None:
        with authorizing_devices(world):
            perform(world)

    DEVICE_FLOWS[perform.__name__] = perform_there
    return perform_there


def authorizing_devices(world: World) -> AbstractContextManager[None]:
    """The functions as they are where devices are authorized."""
    names = ("device_authorization", "device", "login", "consent", "token", "metadata")
    return world.using(**{name: world.load(name, **DEVICE) for name in names})


def placeos_flow(perform: Flow) -> Flow:
    """A flow of a deployment that answers at the paths of other systems, with newly started functions."""

    def perform_there(world: World) -> None:
        with at_others_paths(world):
            perform(world)

    PLACEOS_FLOWS[perform.__name__] = perform_there
    return perform_there


def at_others_paths(world: World, **parameters: str) -> AbstractContextManager[None]:
    """The functions as they are where they answer at the paths of other systems."""
    names = ("authority", "login", "logout", "token")
    return world.using(**{name: world.load(name, **PLACEOS | parameters) for name in names})


def bridge_flow(perform: Flow) -> Flow:
    """A flow of a deployment with a bridge to another system, with newly started functions.

    What that system says is in `SimulatedAws.operators`.
    """

    def perform_there(world: World) -> None:
        with bridged(world):
            perform(world)

    BRIDGE_FLOWS[perform.__name__] = perform_there
    return perform_there


def bridged(world: World) -> AbstractContextManager[None]:
    """The functions as they are where there is a bridge."""
    return world.using(**{name: world.load(name, **BRIDGE) for name in ("token", "refresh")})


def api_key_flow(perform: Flow) -> Flow:
    """A flow of a deployment that has API keys, with newly started functions."""

    def perform_there(world: World) -> None:
        with having_api_keys(world):
            perform(world)

    API_KEY_FLOWS[perform.__name__] = perform_there
    return perform_there


def having_api_keys(world: World) -> AbstractContextManager[None]:
    """The functions as they are where there are API keys."""
    names = ("authorizer", "introspect", "admin", "account", "my", "organisations")
    return world.using(**{name: world.load(name, **API_KEYS) for name in names})


def document_flow(perform: Callable[[World, Origin], None]) -> Callable[[World, Origin], None]:
    """A flow of a deployment that takes metadata documents, with newly started functions and an origin on loopback."""

    def perform_there(world: World) -> None:
        with taking_documents(world), an_origin() as origin:
            perform(world, origin)

    DOCUMENT_FLOWS[perform.__name__] = perform_there
    return perform


def webhook_flow(perform: Flow) -> Flow:
    """A flow of a deployment that sends events to webhooks, on loopback as well, with newly started functions."""

    def perform_there(world: World) -> None:
        with having_webhooks(world):
            perform(world)

    WEBHOOK_FLOWS[perform.__name__] = perform_there
    return perform_there


def having_webhooks(world: World, **parameters: str) -> AbstractContextManager[None]:
    """The functions as they are where there are webhooks."""
    chosen = {**WEBHOOKS, "LoopbackUpstreams": "true", "Issuer": world.issuer, **parameters}
    return world.using(**{name: world.load(name, **chosen) for name in ("admin", "publish", "deliver")})


def hook_flow(perform: Flow) -> Flow:
    """A flow of a deployment that has a token hook, with newly started functions; and the legacy grants."""

    def perform_there(world: World) -> None:
        with asking_the_hook(world, lambda _: {}, **LEGACY):
            perform(world)

    HOOK_FLOWS[perform.__name__] = perform_there
    return perform_there


@contextmanager
def asking_the_hook(world: World, answer: Callable[[Any], Any], **parameters: str) -> Iterator[None]:
    """The functions as they are where an operator has a token hook, which gives this answer to its question."""
    world.aws.operators["TokenHook"] = answer
    names = ("authorize", "consent", "token", "refresh", "userinfo", "login", "metadata")
    with world.using(**{name: world.load(name, **HOOK, **parameters) for name in names}):
        yield


def taking_documents(world: World, **parameters: str) -> AbstractContextManager[None]:
    """The functions as they are where clients come of metadata documents."""
    return world.using(**{name: world.load(name, **DOCUMENTS | parameters) for name in WITH_DOCUMENTS})


def registration_flow(registration: str) -> Callable[[Flow], Flow]:
    """A flow of a deployment where clients register themselves in this way, with newly started functions."""

    def decorate(perform: Flow) -> Flow:
        def perform_there(world: World) -> None:
            names = ("register", "metadata")
            with world.using(**{name: world.load(name, Registration=registration) for name in names}):
                perform(world)

        REGISTRATION_FLOWS[perform.__name__] = perform_there
        return perform_there

    return decorate


def answered(status: int, answer: Answer) -> None:
    assert answer.status == status, answer
