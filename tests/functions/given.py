"""What a world is given before something is tried in it."""

import hashlib
from base64 import b64encode

from authserver.aws.dynamodb import DynamoOrganisations
from authserver.aws.table import encode
from authserver.models import Membership, Organisation
from tests.functions.flowing import answered
from tests.functions.gateway import Gateway
from tests.functions.journey import admin, portal
from tests.functions.world import World


def subject_of_alice(world: World) -> str:
    users = world.aws.items("UsersTable").items()
    (alice,) = (key.removeprefix("user#") for key, item in users if item.get("username") == {"S": "alice"})
    return alice


def let_use_legacy_grants(world: World, *clients: str) -> None:
    grant_types = ("authorization_code", "refresh_token", "implicit", "password")
    response_types = ("code", "token", "id_token", "id_token token")
    for client in clients:
        world.aws.change("ClientsTable", client, grant_types=encode(grant_types), response_types=encode(response_types))


def issue_opaque_tokens(world: World, *clients: str) -> None:
    for client in clients:
        world.aws.change("ClientsTable", client, access_token_format={"S": "opaque"})


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
    organisations = DynamoOrganisations(world.aws.client("dynamodb"), "authserver-UsersTable")
    alice = subject_of_alice(world)
    world.aws.caller = "an operator"
    for name in ("acme", "other"):
        organisations.create(Organisation(name, name.title(), {"one": "One Ltd", "two": "Two Ltd"}))
        organisations.put_membership(Membership(name, alice))
    world.aws.change("ClientsTable", "demo-web", preferred_subject_type={"S": "organisation"})
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
