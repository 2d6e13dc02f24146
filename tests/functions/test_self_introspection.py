"""A token asked of itself at the path that an operator names, in Pleo's form; elsewhere there is nothing."""

import json

import pytest

from tests.functions.gateway import Answer, Gateway
from tests.functions.journey import web
from tests.functions.world import World

NOTHING = {"message": "Not Found"}  # as API Gateway says it
PATH = "/v1/introspect"


def ask(gateway: Gateway, path: str, token: str, method: str = "GET") -> Answer:
    headers = {"authorization": f"Bearer {token}"}
    parameters = {"version": path.split("/")[1]}
    event = gateway.event(method, path, headers=headers, route="ANY /{version}/introspect", path_parameters=parameters)
    return Answer.of(gateway.world.invoke("introspect", event))


def test_token_is_told_at_the_path_that_the_operator_names_alone(world: World) -> None:
    gateway = Gateway(world)
    token = web(gateway).tokens()["access_token"]
    with world.using(introspect=world.load("introspect", SelfIntrospectionPath=PATH, UrnNamespace="pleo")):
        answer = ask(gateway, PATH, token)
        assert answer.status == 200
        assert answer.headers["cache-control"] == "no-store"
        told = answer.json()["data"]
        assert (told["authMethod"], told["clientId"]) == ("OAUTH", "demo-web")
        assert told["subjectURN"].startswith("urn:pleo:user:")
        assert ask(gateway, "/v2/introspect", token).status == 404
        assert ask(gateway, PATH, "garbage").status == 401
        refused = ask(gateway, PATH, token, "POST")
        assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_no_path_is_named_there_is_nothing(world: World, method: str) -> None:
    gateway = Gateway(world)
    answer = ask(gateway, PATH, web(gateway).tokens()["access_token"], method)
    assert (answer.status, json.loads(answer.body)) == (404, NOTHING)
