"""What a world is given before something is tried in it."""

import hashlib
from base64 import b64encode
from dataclasses import replace
from typing import Any

from authserver.aws.dynamodb import DynamoStores
from authserver.aws.dynamodb.configuration import DynamoConfiguration
from authserver.aws.dynamodb.documents import DynamoDocuments
from authserver.aws.dynamodb.reader import DEPLOYMENT_AGE, Reader, Tables
from authserver.ends import Begun
from authserver.identity.begin import key_text
from authserver.messages.mail import PASSWORD_RESET
from authserver.models.browsers import OneTimeLink
from authserver.models.clients import Client
from authserver.models.configuration import IdentityProvider
from authserver.models.documents import FetchedDocument
from authserver.models.invitations import Approval
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership, Organisation
from authserver.models.users import Identity, Source
from authserver.resources import Resource, ResourceCatalogue
from authserver.scopes import ACCESS_TOKEN, DEFAULT, ID_TOKEN, USERINFO, ClaimDefinition, ScopeCatalogue
from authserver.values import Scope
from local.seed import Stores
from tests.assertions import Signer
from tests.functions.flowing import answered
from tests.functions.gateway import Gateway
from tests.functions.journey import admin, portal
from tests.functions.world import World

LOGO = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def stores_of(world: World) -> Stores:
    """What an operator's hand writes with: as functions do, but for none of them."""
    world.aws.caller = "an operator"
    dynamodb, tables = world.aws.service("dynamodb"), Tables("authserver-ClientsTable", "authserver-UsersTable", TOKENS)
    reader = Reader(dynamodb, tables, lambda: (0.0, 0.0), lambda: 0)
    configuration, keys, audit = (f"authserver-{name}Table" for name in ("Configuration", "Keys", "Audit"))
    return Stores(**DynamoStores(dynamodb, tables, configuration, keys, audit, reader).guarded())


TOKENS, CONFIGURATION = "authserver-TokensTable", "authserver-ConfigurationTable"


def change_client(world: World, client_id: str, **changes: Any) -> None:
    """Sets fields of a client, as an operator does: so that every function sees it."""
    stores = stores_of(world)
    client = stores.clients.get(client_id)
    assert client
    assert stores.withdrawals.change_client(replace(client, **changes))


def sign_for(world: World, client_id: str, **registered: str) -> Signer:
    """Has the client authenticate by its key from now on; what signs with it."""
    signer = Signer(client_id, world.issuer, lambda: int(world.clock.time()))
    keys = registered or {"jwks": signer.jwks}
    change_client(world, client_id, token_endpoint_auth_method="private_key_jwt", secrets=(), **keys)
    return signer


def put_document(world: World, client_id: str) -> None:
    """What came of a client's metadata document, as it was fetched once."""
    client = Client(client_id, "An editor", scope=Scope.parse("read"))
    kept = FetchedDocument(
        client_id, client_id, client, fetched_at=1, checked_at=1, fresh_until=2, created_at=1, expires_at=2**33
    )
    DynamoDocuments(world.aws.service("dynamodb"), TOKENS).put(kept, None)


def store_the_scopes(world: World) -> None:
    """The catalogue that there is anyway, as an operator's change leaves it: a function that needs it has to read
    it."""
    assert stores_of(world).withdrawals.change_scopes(DEFAULT.with_built_in())


def let_keys_have(world: World, *names: str) -> None:
    """The catalogue, with these scopes for API keys."""
    before = DynamoConfiguration(world.aws.service("dynamodb"), CONFIGURATION).scopes()
    definitions = (replace(one, api_keys=one.name in names) for one in DEFAULT.with_built_in().definitions)
    changed = ScopeCatalogue.of(definitions, before.version if before else 0)
    assert stores_of(world).withdrawals.change_scopes(changed)
    world.clock.pass_by(2 * DEPLOYMENT_AGE)  # as long as functions may remember what was told before


def store_the_resources(world: World) -> None:
    """One beside those of the parameters: a function that needs to know which there are has to read it."""
    elsewhere = Resource("elsewhere", "https://elsewhere.example.com", "Elsewhere", ("read",), {"GET /": "read"})
    assert stores_of(world).withdrawals.change_resources(ResourceCatalogue((elsewhere,)))


def make_member(world: World, organisation: str, subject: str, role: str = MEMBER) -> None:
    made = Membership(organisation, subject, role, epoch=f"an epoch of {organisation}")
    stores_of(world).withdrawals.set_membership(made)


def begun_now(world: World, organisation: str, client_id: str, subject: str) -> Begun:
    """What is begun now between them is begun under this."""
    standing = stores_of(world).tokens.standing(
        organisation_key=key_text(organisation), client_key=key_text(client_id), subject_key=key_text(subject)
    )
    return standing.ends.begun()


def ask_approval(world: World, subject: str, client_id: str = "demo-web") -> None:
    """A member of Acme wants the client to read the first company's."""
    now, begun = int(world.clock.time()), begun_now(world, "acme", client_id, subject)
    entities = frozenset({"one"})
    asked = Approval("acme", client_id, subject, Scope.parse("read"), (), entities, now, 2**33, begun=begun)
    stores_of(world).browsers.ask_approval(asked)


def approve(world: World, organisation: str, client_id: str, subject: str) -> None:
    """An administrator, who is made one for it, allows what the member asked for the client."""
    make_member(world, organisation, "an administrator", ADMINISTRATOR)
    stores = stores_of(world)
    approval = stores.browsers.approval(organisation, client_id, subject)
    membership = stores.organisations.membership(organisation, "an administrator")
    assert approval
    assert membership
    begun = replace(approval.begun, approver=key_text("an administrator"))
    now = int(world.clock.time())
    assert stores.browsers.answer_approval(approval, "allow", membership, begun, now, 2**33)


def put_link(world: World, subject: str, address: str) -> str:
    """A link to reset a password, as if it had been sent; its identifier."""
    now, stores = int(world.clock.time()), stores_of(world)
    begun, identifier = stores.browsers.ends(key_text(subject)).begun(), "A" * 22
    link = OneTimeLink(identifier, b"x", PASSWORD_RESET, subject, address, now, now + 1800, begun=begun)
    assert stores.browsers.put_link(link)
    return identifier


def act_for_organisations(world: World, client_id: str = "demo-web") -> None:
    change_client(world, client_id, preferred_subject_type="organisation")


def subject_of_alice(world: World) -> str:
    users = world.aws.items("UsersTable").items()
    (alice,) = (key.removeprefix("user#") for key, item in users if item.get("username") == {"S": "alice"})
    return alice


def give_groups(world: World) -> None:
    """Alice's groups are told everywhere with the scope read, and came from an identity provider."""
    stores, alice = stores_of(world), subject_of_alice(world)
    issuer = "https://login.wonderland.example"
    mapped = {"groups": "roles"}
    provider = IdentityProvider("wonderland", "Wonderland", issuer, "authserver", claims=mapped, epoch="first")
    assert stores.identity_providers.put(provider)
    identity = Identity.of(alice, issuer, "alice-there", int(world.clock.time()))
    assert stores.users.link(identity)
    source = str(Source(identity.id, provider.id, provider.epoch))
    given: dict[str, Any] = {"attributes": {"groups": ("tea",)}, "provided": {"groups": source}}
    assert stores.users.update(alice, identity=identity.id, **given)
    groups = ClaimDefinition("groups", "groups", "strings", (ID_TOKEN, USERINFO, ACCESS_TOKEN))
    before = DynamoConfiguration(world.aws.service("dynamodb"), CONFIGURATION).scopes()
    definitions = (replace(one, claims=(groups,)) if one.name == "read" else one for one in DEFAULT.definitions)
    changed = ScopeCatalogue.of(definitions, before.version if before else 0)
    assert stores.withdrawals.change_scopes(changed)
    world.clock.pass_by(2 * DEPLOYMENT_AGE)  # as long as functions may remember what was told before


def let_use_legacy_grants(world: World, *clients: str) -> None:
    grant_types = ("authorization_code", "refresh_token", "implicit", "password")
    response_types = ("code", "token", "id_token", "id_token token")
    for client in clients:
        change_client(world, client, grant_types=grant_types, response_types=response_types)


def issue_opaque_tokens(world: World, *clients: str) -> None:
    for client in clients:
        change_client(world, client, access_token_format="opaque")


def imported_hash(password: str) -> str:
    """As another system would have stored it, at little cost."""
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", 1)
    return f"pbkdf2_sha256$1$salt${b64encode(digest).decode()}"


def import_password_of_alice(world: World) -> None:
    world.aws.change(
        "UsersTable", f"user#{subject_of_alice(world)}", password_hash={"S": imported_hash("wonderland-demo")}
    )


def give_organisations(world: World) -> str:
    """Alice becomes a member of two, for which demo-web acts from now on; her subject identifier."""
    alice = subject_of_alice(world)
    for name in ("acme", "other"):
        created = Organisation(name, name.title(), {"one": "One Ltd", "two": "Two Ltd"})
        assert stores_of(world).organisations.create(created)
        make_member(world, name, alice)
    act_for_organisations(world)
    return alice


def organisation_of_alice(world: World, gateway: Gateway) -> str:
    """Acme with two companies, where Alice is an administrator; her subject."""
    alice = portal(gateway).tokens(scope="openid account")["access_token"]
    subject = str(gateway.call("GET", "/account/profile", f"Bearer {alice}").json()["sub"])
    token = admin(gateway).own_token(scope="admin:orgs").json()["access_token"]
    document = {"id": "acme", "name": "Acme", "companies": {"one": "One Ltd", "two": "Two Ltd"}}
    answered(201, gateway.manage("POST /admin/organisations", token, document, key="first"))
    member = "PUT /admin/organisations/{organisation}/members/{sub}"
    answered(200, gateway.manage(member, token, {"role": "administrator"}, organisation="acme", sub=subject))
    return subject
