"""The way through AWS, to its end: the events that the tool makes, and the admin function that the template deploys."""

import io
import json
from typing import Any

import pytest

from authserver_cli.api import Api
from authserver_cli.errors import NotFound, Refused
from authserver_cli.stack import StackTransport
from tests.functions.world import World


class Session:
    """What boto3's session gives, with the functions of `world` behind Lambda."""

    def __init__(self, world: World) -> None:
        self._world = world

    def client(self, service: str, **_: Any) -> Any:
        return self

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 - boto3's
        outputs = {"AdminFunction": "admin", "Issuer": self._world.issuer, "ResourceUrl": self._world.resource}
        listed = [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]
        return {"Stacks": [{"StackName": StackName, "Outputs": listed}]}

    def get_caller_identity(self) -> Any:
        return {"Arn": "arn:aws:iam::123456789012:user/operator"}

    def invoke(self, FunctionName: str, Payload: bytes) -> Any:  # noqa: N803 - boto3's
        answer = self._world.invoke(FunctionName, json.loads(Payload))
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def api(world: World) -> Api:
    return Api(StackTransport("authserver", Session(world)), lambda _: None)  # type: ignore[arg-type]  # no session of boto3


CLIENT = {"client_name": "Time sheets", "redirect_uris": ["https://time.example/callback"], "scope": "openid"}
ONE = "/admin/clients/{client_id}"


def test_operator_manages_clients_by_iam_alone(api: Api) -> None:
    made = api.post("/admin/clients", CLIENT)
    client_id = made["client_id"]
    assert made["client_secret"]
    assert client_id in [client["client_id"] for client in api.items("/admin/clients")]
    changed = api.patch(ONE, {"status": "disabled", "client_uri": "https://time.example"}, client_id=client_id)
    assert (changed["status"], changed["client_uri"]) == ("disabled", "https://time.example")
    assert api.post(ONE + "/secrets", {"overlap": 60}, client_id=client_id)["client_secret"] != made["client_secret"]
    api.delete(ONE, client_id=client_id)
    with pytest.raises(NotFound):
        api.get(ONE, client_id=client_id)


def test_operator_may_give_operators_scopes(api: Api) -> None:
    kinds = ("clients", "users", "orgs", "scopes", "resources", "idps", "webhooks", "grants", "keys", "theme")
    scope = " ".join(f"admin:{kind}" for kind in kinds)
    machine = {"client_name": "Operations", "grant_types": ["client_credentials"], "scope": scope}
    assert api.post("/admin/clients", machine)["scope"] == scope


def test_create_that_is_repeated_under_its_key_makes_one_client(api: Api) -> None:
    made = [api.post("/admin/clients", CLIENT, idempotency_key="the-same")["client_id"] for _ in range(2)]
    assert made[0] == made[1]


def test_refusal_names_the_fields(api: Api) -> None:
    with pytest.raises(Refused) as refusal:
        api.post("/admin/clients", {**CLIENT, "redirect_uris": ["ftp://a"], "shoe_size": 43})
    assert {name for name, _ in refusal.value.problem.errors} == {"redirect_uris.0", "shoe_size"}
