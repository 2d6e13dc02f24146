"""What each function imports, as numbers with a budget, and by name. Wall time is the benchmark's business."""

import pytest

from tests.coldstart.imports import ENVIRONMENT, Start, modules_of_bare_interpreter, start
from tests.functions.world import FUNCTIONS

# Measured, and two more. What grows beyond it should have to say why.
BUDGETS = {
    "account": 277,
    "admin": 629,
    "authority": 231,
    "authorize": 226,
    "authorizer": 132,
    "canary": 330,
    "consent": 233,
    "example_resource": 51,
    "federate": 328,
    "introspect": 134,
    "login": 253,
    "logout": 244,
    "mail": 283,
    "partner": 260,
    "register": 265,
    "developer": 322,
    "device": 203,
    "device_authorization": 126,
    "deliver": 519,
    "documents": 317,
    "erase": 229,
    "my": 624,
    "organisations": 331,
    "metadata": 124,
    "recover": 247,
    "refresh": 135,
    "revoke": 134,
    "publish": 355,
    "rotate_keys": 174,
    "seal": 276,
    "token": 137,
    "userinfo": 145,
}
DEVELOPMENT = {"aws_xray_sdk", "moto", "samtranslator", "local", "tests", "pytest", "requests", "numpy"}
NOWHERE = DEVELOPMENT | {"authserver_cli", "click", "httpx"}
PAGES = {
    "authority",
    "authorize",
    "device",
    "federate",
    "login",
    "logout",
    "consent",
    "developer",
    "my",
    "organisations",
    "recover",
}
SHARERS = {"metadata", "device_authorization"}  # what is advertised, and what is validated, is what the pages take
HEAVY = {
    "jinja2": PAGES | {"mail"},
    "argon2": {"login", "admin", "recover"},
    "pydantic": {"account", "admin", "partner", "register", "developer", "my", "organisations", "documents", "canary"},
    # cryptography takes it where it is installed; we do when the first such hash is met.
    "bcrypt": {
        "token",
        "refresh",
        "revoke",
        "introspect",
        "authorizer",
        "rotate_keys",
        "federate",
        "logout",
        "documents",
    },
    # Only where tokens of others are read, and where tokens are signed or verified.
    "jwt": {"federate", "documents"},
    "cryptography": {
        *("token", "refresh", "revoke", "introspect", "authorizer", "userinfo", "rotate_keys", "federate", "logout"),
        "documents",
    },
    # Loaded when the first code, passkey or new password is met; OpenSSL never, but by the library of passkeys.
    **{package: set[str]() for package in ("pyotp", "segno", "webauthn", "cbor2", "zxcvbn", "OpenSSL")},
    # For what the lean client does not call: other functions. Where no mail is sent, as here, few do.
    "boto3": {"admin", "my", "publish", "deliver"},
    "aws_lambda_powertools": {"admin", "my", "recover", "erase", "mail", "rotate_keys", "seal", "deliver"},
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_imports_no_more_than_its_budget(name: str, starts: dict[str, Start]) -> None:
    assert len(starts[name].modules) <= BUDGETS[name]


@pytest.mark.parametrize("name", ["token", "refresh", "revoke", "introspect", "authorizer"])
def test_the_hot_path_has_no_more_than_two_hundred_modules(name: str) -> None:
    """All that a bare interpreter has loaded, its own among them."""
    assert modules_of_bare_interpreter(name) <= 200


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_imports_nothing_that_is_for_development(name: str, starts: dict[str, Start]) -> None:
    assert starts[name].packages & NOWHERE == set()


@pytest.mark.parametrize("package", HEAVY)
def test_a_heavy_package_is_imported_where_it_is_needed(package: str, starts: dict[str, Start]) -> None:
    importers = {name for name, start in starts.items() if package in start.packages}
    assert importers - HEAVY[package] == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_imports_no_other_functions_endpoint(name: str, starts: dict[str, Start]) -> None:
    packages = {"machines", "browsers", "orders"}
    shared = {"under_way", "redirection", "validation"} if name in PAGES | SHARERS else set()
    parts = {
        "refresh": {"token"},
        "authorizer": {name, "access"},
        "consent": {name, "answers", "choice", "permissions"},
    }
    parts["authority"] = {name, "continuation"}
    own = (parts | {"developer": {"metadata"}, "login": {name, "answers"}}).get(name, {name})
    imported = {module for module in starts[name].modules if module.startswith("authserver.endpoints.")}
    assert {module.rpartition(".")[2] for module in imported} <= own | shared | packages


def test_the_refresh_function_loads_its_one_grant(starts: dict[str, Start]) -> None:
    prefix = "authserver.grants."
    assert {one for one in starts["refresh"].modules if one.startswith(prefix)} == {f"{prefix}refresh_token"}


def test_pages_are_for_those_who_show_them(starts: dict[str, Start]) -> None:
    assert {name for name, start in starts.items() if "authserver.pages" in start.modules} == PAGES | {"mail"}


def test_four_functions_have_a_way_out(starts: dict[str, Start]) -> None:
    """SECURITY.md row 76: to identity providers, to where clients have documents and keys, and to this server's own
    addresses. The server never fetches what a client gives as its logo, policy or redirect URI."""
    out = {name for name, start in starts.items() if "authserver.identity.fetch" in start.modules}
    assert out == {"federate", "documents", "deliver", "canary"}


@pytest.mark.parametrize("name", ["authorize", "token", "refresh", "revoke", "introspect"])
def test_documents_that_are_taken_cost_a_start_two_modules(name: str, starts: dict[str, Start]) -> None:
    """And neither boto3 nor a library of JOSE: those come with the first request that needs them."""
    on = start(name, CLIENT_DOCUMENTS="On", DOCUMENTS_FUNCTION="documents")
    more = {one for one in set(on.modules) - set(starts[name].modules) if one.startswith("authserver.")}
    assert more <= {
        *("authserver.aws.dynamodb.documents", "authserver.aws.dynamodb.lists", "authserver.aws.items.documents"),
        *("authserver.models.documents", "authserver.messages.documents"),
    }
    assert not {"boto3", "jwt", "pydantic"} & set(on.packages)


@pytest.mark.parametrize(
    ("grant_type", "name", "package"),
    [
        ("implicit", "authorize", "cryptography"),
        ("implicit", "consent", "cryptography"),
        ("password", "token", "argon2"),
    ],
)
def test_a_legacy_grant_that_is_on_loads_what_it_needs_at_the_start(grant_type: str, name: str, package: str) -> None:
    """In the init phase, rather than with the first request that needs it; where it is off, never."""
    on = start(name, GRANT_TYPES=f"{ENVIRONMENT['GRANT_TYPES']} {grant_type}")
    assert package in on.packages


@pytest.mark.parametrize(("grant_type", "name"), [("password", "authorize"), ("implicit", "login")])
def test_a_legacy_grant_that_is_on_costs_others_nothing_heavy(grant_type: str, name: str) -> None:
    on = start(name, GRANT_TYPES=f"{ENVIRONMENT['GRANT_TYPES']} {grant_type}")
    assert not {one for one in ("jwt", "cryptography") if one in on.packages}


@pytest.mark.parametrize("name", ["token", "authorizer"])
def test_tracing_costs_a_start_one_module_where_it_is_on(name: str, starts: dict[str, Start]) -> None:
    """Lambda names its daemon to every function, traced or not."""
    daemon = {"AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000"}
    on, off = start(name, TRACING="Active", **daemon), start(name, TRACING="PassThrough", **daemon)
    assert set(on.modules) - set(starts[name].modules) == {"authserver.aws.tracing"}
    assert off.modules == starts[name].modules
