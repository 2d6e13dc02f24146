"""Routes, handlers, scopes and events, compared with each other."""

import json

import pytest

from authserver.endpoints.machines.access import _scope_of
from authserver.scopes import DEFAULT
from authserver.settings import Settings, _parse_route_scopes
from tests.functions.world import FUNCTIONS, ROOT, World
from tests.template.written import Written


def test_every_folder_has_a_function_and_every_function_a_folder(written: Written) -> None:
    assert sorted(written.functions) == list(FUNCTIONS)
    assert sorted(one.name for one in (ROOT / "functions").iterdir() if one.name != "__pycache__") == list(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_folder_has_one_file_that_says_what_it_serves(function: str) -> None:
    folder = ROOT / "functions" / function
    assert [one.name for one in folder.iterdir() if one.name != "__pycache__"] == ["app.py"]
    assert (folder / "app.py").read_text(encoding="utf-8").startswith('"""')


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_logical_id_is_its_folders_name(function: str, written: Written) -> None:
    camel = "".join(word.capitalize() for word in function.split("_"))
    assert written.functions[function] == f"{camel}Function"


# What the ResourceApi serves to everybody: who may issue tokens for it, and what there is.
OPEN = {
    "GET /.well-known/oauth-protected-resource",
    "GET /.well-known/oauth-protected-resource/{path+}",
    "GET /openapi.json",
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_handler_exists(function: str, written: Written, world: World) -> None:
    module, _, name = written.template["Globals"]["Function"]["Handler"].partition(".")
    assert module == "app"
    assert "Handler" not in written.of_type("AWS::Serverless::Function")[written.functions[function]]
    assert callable(getattr(world.load(function), name))


def route_scopes(written: Written) -> dict[str, str]:
    joined = written.resolver.resolve(written.environment("authorizer")["ROUTE_SCOPES"], "ROUTE_SCOPES")
    return _parse_route_scopes(joined)


def test_every_route_of_the_resource_api_has_its_scope_and_no_other_is_named(written: Written) -> None:
    served = {route for _, route in written.operations()}
    named = set(route_scopes(written))
    entries = {entry: entry for entry in named}  # looked up as the authorizer does, each tells its own name
    assert {route for route in served if _scope_of(route, entries) is None} == OPEN
    assert {_scope_of(route, entries) for route in served - OPEN} == named


def test_every_scope_of_a_route_is_in_the_catalogue(written: Written) -> None:
    needed = {scope for scopes in route_scopes(written).values() for scope in scopes.split()}
    assert needed <= {definition.name for definition in DEFAULT.definitions}


def test_every_route_of_the_resource_api_is_behind_the_default_authorizer(written: Written) -> None:
    auth = written.template["Resources"]["ResourceApi"]["Properties"]["Auth"]
    assert auth["DefaultAuthorizer"] == {"Ref": "BearerTokenIn"}
    assert set(auth["Authorizers"]) == set(written.template["Parameters"]["BearerTokenIn"]["AllowedValues"])
    for properties in written.of_type("AWS::Serverless::Function").values():
        for event in properties.get("Events", {}).values():
            route = f"{event['Properties'].get('Method')} {event['Properties'].get('Path')}"
            is_open = event["Properties"].get("Auth") == {"Authorizer": "NONE"}
            assert is_open == (event["Type"] == "Api" and route in OPEN)


def test_routes_of_the_authorization_server_take_any_method(written: Written) -> None:
    """So that a wrong one reaches the function, which answers 405 with Allow."""
    assert {route.partition(" ")[0] for _, route in written.routes("HttpApi").values()} == {"ANY"}


def test_no_two_events_share_a_route(written: Written) -> None:
    for kind in ("HttpApi", "Api"):
        routes = [route for _, route in written.routes(kind).values()]
        assert len(routes) == len(set(routes))


@pytest.mark.rfc("8414", "3.1")
def test_both_well_known_documents_are_routed_to_the_metadata(written: Written) -> None:
    served = {route for function, route in written.routes("HttpApi").values() if function == "metadata"}
    assert served == {
        "ANY /.well-known/oauth-authorization-server",
        "ANY /.well-known/oauth-authorization-server/{path+}",
        "ANY /.well-known/openid-configuration",
        "ANY /.well-known/oauth-protected-resource/{path+}",
        "ANY /.well-known/jwks.json",
        "ANY /resource-metadata",
    }


@pytest.mark.rfc("8414", "2")
def test_every_advertised_endpoint_is_routed(written: Written, world: World) -> None:
    event = json.loads((ROOT / "events/metadata/openid_configuration.json").read_text(encoding="utf-8"))
    document = json.loads(world.invoke("metadata", event)["body"])
    bases = {f"https://{event['requestContext']['domainName']}": "HttpApi", document["protected_resources"][0]: "Api"}
    for name in (name for name in document if name.endswith(("_endpoint", "_uri"))):
        ((base, kind),) = [one for one in bases.items() if document[name].startswith(f"{one[0]}/")]
        path = document[name].removeprefix(base)
        assert path in {route.partition(" ")[2] for _, route in written.routes(kind).values()}, name


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_events(function: str) -> None:
    assert list((ROOT / "events" / function).glob("*.json"))


def test_every_folder_of_events_has_a_function() -> None:
    assert sorted(one.name for one in (ROOT / "events").iterdir() if one.is_dir()) == list(FUNCTIONS)


class _Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, *arguments: dict[str, str]) -> None:
        super().__init__(*arguments)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]  # settings ask for text
        self.names.add(name)
        return super().get(name, default)


def test_the_template_sets_every_variable_that_settings_read_and_no_other(written: Written, world: World) -> None:
    """LOG_LEVEL is for Powertools, AWS_ENDPOINT_URL for boto3, three are for the log, RESOURCE is for the canary,
    three are for the function that publishes events, and one is for the one that delivers them."""
    functions = [one for one in world.stack.functions.values() if one.code.name == "authorizer"]
    environ = _Asked(dict(functions[0].environment))
    Settings.from_environ(environ)
    written_names = {name for function in FUNCTIONS for name in written.environment(function)}
    of_others = {"LOG_LEVEL", "AWS_ENDPOINT_URL", "METRICS_NAMESPACE", "CLIENT_METRICS", "LOG_SAMPLING", "RESOURCE"}
    of_others |= {"EVENT_BUS", "EVENT_RECEIVERS", "EVENT_DEAD_LETTERS", "WEBHOOK_DEAD_LETTERS"}
    assert written_names - of_others == environ.names


def test_only_who_checks_passwords_is_told_about_imported_hashes(world: World) -> None:
    """Elsewhere they would make each wrong secret of a client cost as much as a wrong password."""
    functions = world.stack.functions.values()
    assert {one.code.name for one in functions if "IMPORTED_PASSWORD_HASHES" in one.environment} == {"login"}


def test_only_the_authorizer_is_told_about_routes_and_bearer_tokens(written: Written) -> None:
    knowing = {function for function in FUNCTIONS if "ROUTE_SCOPES" in written.environment(function)}
    assert knowing == {"authorizer"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_environment_is_enough(function: str, world: World) -> None:
    settings = Settings.from_environ(world.environment(function))
    assert settings.known_resources
    assert settings.code_lifetime <= 600
