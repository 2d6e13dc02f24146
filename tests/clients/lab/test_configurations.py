"""The recipes of programs that are not at hand: their configuration, by the rules that each program documents."""

import base64
import configparser
import hashlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jmespath
import jwt
import pytest
import yaml
from cfnlint.api import lint

from local.server import DevelopmentServer
from local.template import expand, read_template
from tests.clients.lab.conftest import SEED
from tests.clients.lab.test_recipes import TOOL
from tests.clients.lab.visitor import Visitor
from tests.clients.recipes import Kitchen, Recipe
from tests.flows.person import Deployment

# Boot's OAuth2ClientProperties, as a configuration writes their names. It ignores a name that it does not know.
SPRING_PROVIDER = {
    "authorization-uri",
    "issuer-uri",
    "jwk-set-uri",
    "token-uri",
    "user-info-authentication-method",
    "user-info-uri",
    "user-name-attribute",
}
SPRING_REGISTRATION = {
    "authorization-grant-type",
    "client-authentication-method",
    "client-id",
    "client-name",
    "client-secret",
    "provider",
    "redirect-uri",
    "scope",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    log = tmp_path_factory.mktemp("configurations") / "log"
    parameters = {"AccessTokenAlgorithm": "RS256"}  # for API Gateway; no program here looks into another's token
    with DevelopmentServer(seed=SEED, log=log, host="localhost", parameters=parameters) as server:
        yield Deployment(server.issuer, server.resource)


@pytest.fixture
def kitchen(server: Deployment, tmp_path: Path) -> Kitchen:
    return Kitchen(server, tmp_path, (TOOL,))


@pytest.fixture
def metadata(server: Deployment) -> dict[str, Any]:
    document: dict[str, Any] = get(f"{server.issuer}/.well-known/openid-configuration")
    return document


def get(address: str, token: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = httpx.get(address, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sign_in(
    authorize: str, token: str, *, client_id: str, redirect_uri: str, scope: str, secret: str = ""
) -> dict[str, Any]:
    """What a program with these settings sends, with state, nonce and PKCE, Basic if it has a secret; its tokens."""
    verifier, state, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    request = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    arrival = Visitor().go(f"{authorize}?{urlencode(request)}", until=redirect_uri)
    answer = {name: values[0] for name, values in parse_qs(urlsplit(arrival.address).query).items()}
    assert answer["state"] == state
    form = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": redirect_uri}
    form |= {"code_verifier": verifier} | ({} if secret else {"client_id": client_id})
    told = httpx.post(token, data=form, auth=(client_id, secret) if secret else None, timeout=60)
    assert told.status_code == 200, told.text
    tokens: dict[str, Any] = told.json()
    assert jwt.decode(tokens["id_token"], options={"verify_signature": False})["nonce"] == nonce
    return tokens


def verified(token: str, keys: str, *, issuer: str, audience: str, algorithms: list[str]) -> dict[str, Any]:
    """The claims of a token, by the key of the set that it names."""
    key = jwt.PyJWKClient(keys).get_signing_key_from_jwt(token).key
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms, {"require": ["exp", "iat", "sub"]}, issuer=issuer, audience=audience
    )
    return claims


def test_spring_boot(kitchen: Kitchen, metadata: dict[str, Any]) -> None:
    """By org.springframework.security.oauth2.client.registration.ClientRegistrations, and Boot's properties."""
    recipe = Recipe.read("spring-boot")
    secret = kitchen.prepare(recipe)
    settings = yaml.safe_load((kitchen.folder / "application.yaml").read_text())
    client = settings["spring"]["security"]["oauth2"]["client"]
    [(name, registration)] = client["registration"].items()
    provider = client["provider"][name]
    assert set(client) == {"provider", "registration"}
    assert set(provider) <= SPRING_PROVIDER
    assert set(registration) <= SPRING_REGISTRATION
    assert registration["client-secret"] == "${CLIENT_SECRET}"

    # It asks for the document below issuer-uri, and refuses one whose issuer is another.
    document = get(f"{provider['issuer-uri']}/.well-known/openid-configuration")
    assert document["issuer"] == provider["issuer-uri"]
    # The library that parses the document refuses one without these.
    assert {"issuer", "jwks_uri", "subject_types_supported", "authorization_endpoint", "token_endpoint"} <= set(
        document
    )
    # Basic, if the document has it; the code flow, if the configuration says nothing.
    assert "client_secret_basic" in document["token_endpoint_auth_methods_supported"]
    # The redirect URI that it makes if the configuration names none ends in the name of the registration.
    redirect_uri = f"http://127.0.0.1:{settings['server']['port']}/login/oauth2/code/{name}"
    tokens = sign_in(
        document["authorization_endpoint"],
        document["token_endpoint"],
        client_id=registration["client-id"],
        redirect_uri=redirect_uri,
        scope=" ".join(registration["scope"].split(", ")),
        secret=secret,
    )
    claims = verified(
        tokens["id_token"],
        document["jwks_uri"],
        issuer=provider["issuer-uri"],
        audience=registration["client-id"],
        algorithms=["RS256"],
    )
    user = claims | get(document["userinfo_endpoint"], tokens["access_token"])
    assert f"Signed in as {user[provider['user-name-attribute']]}" == recipe.shown


def test_grafana(kitchen: Kitchen, metadata: dict[str, Any]) -> None:
    """By its page on generic OAuth: Go's oauth2 library, and JMESPath for the attributes."""
    recipe = Recipe.read("grafana")
    secret = kitchen.prepare(recipe)
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(kitchen.folder / "grafana.ini")
    settings = parser["auth.generic_oauth"]
    endpoints = [settings[name] for name in ("auth_url", "token_url", "api_url")]
    names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
    assert endpoints == [metadata[name] for name in names]
    assert settings.getboolean("use_pkce")

    tokens = sign_in(
        settings["auth_url"],
        settings["token_url"],
        client_id=settings["client_id"],
        redirect_uri=f"{parser['server']['root_url']}login/generic_oauth",
        scope=settings["scopes"],
        secret=secret,
    )
    assert tokens["refresh_token"]
    user = get(settings["api_url"], tokens["access_token"])

    def found(name: str) -> Any:
        return jmespath.search(settings[f"{name}_attribute_path"], user)

    assert (found("login"), found("name"), found("email")) == ("alice", recipe.shown, "alice@example.com")
    assert (found("groups"), found("role")) == (["grafana-admins"], "Admin")


def test_kubernetes(kitchen: Kitchen, metadata: dict[str, Any]) -> None:
    """By the documentation of AuthenticationConfiguration, and the options of kubelogin."""
    recipe = Recipe.read("kubernetes")
    assert kitchen.prepare(recipe) == ""
    command = yaml.safe_load((kitchen.folder / "kubeconfig.yaml").read_text())["users"][0]["user"]["exec"]
    assert (command["command"], command["args"][:2]) == ("kubectl", ["oidc-login", "get-token"])
    options = [one.partition("=") for one in command["args"][2:]]
    given = {name: value for name, _, value in options}
    scopes = ["openid", *(value for name, _, value in options if name == "--oidc-extra-scope")]
    assert given["--oidc-issuer-url"] == metadata["issuer"]
    assert "S256" in metadata["code_challenge_methods_supported"]  # by which it chooses PKCE
    tokens = sign_in(
        metadata["authorization_endpoint"],
        metadata["token_endpoint"],
        client_id=given["--oidc-client-id"],
        redirect_uri=kitchen.here("http://localhost:8000"),
        scope=" ".join(scopes),
    )

    [authenticator] = yaml.safe_load((kitchen.folder / "authentication.yaml").read_text())["jwt"]
    claims = verified(
        tokens["id_token"],
        metadata["jwks_uri"],
        issuer=authenticator["issuer"]["url"],
        audience=authenticator["issuer"]["audiences"][0],
        algorithms=["RS256", "ES256"],
    )
    assert [rule["expression"] for rule in authenticator["claimValidationRules"]] == ["claims.email_verified == true"]
    assert claims["email_verified"] is True
    username, groups = authenticator["claimMappings"]["username"], authenticator["claimMappings"]["groups"]
    assert username["prefix"] + claims[username["claim"]] == recipe.shown
    rights = yaml.safe_load((kitchen.folder / "rights.yaml").read_text())
    assert rights["subjects"][0]["name"] in [groups["prefix"] + one for one in claims[groups["claim"]]]


def test_api_gateway_jwt_authorizer(kitchen: Kitchen) -> None:
    """By AWS's page on JWT authorizers of HTTP APIs: RSA alone, kid, iss, aud or client_id, the times, one scope."""
    recipe = Recipe.read("api-gateway-jwt-authorizer")
    with kitchen.run(recipe) as run:
        token = json.loads(run.wait_for_end())["access_token"]
    path = kitchen.folder / "template.yaml"
    assert lint(path.read_text(), regions=["eu-central-1"]) == []
    document = read_template(path)
    function = document["Resources"]["Orders"]["Properties"]
    del function["InlineCode"]
    function["CodeUri"] = "functions/token"  # any folder: what is asked for is how the API is translated
    [api] = [one for one in expand(document, {}).values() if one["Type"] == "AWS::ApiGatewayV2::Api"]
    body = api["Properties"]["Body"]
    scheme = body["components"]["securitySchemes"]["Authserver"]["x-amazon-apigateway-authorizer"]
    assert scheme["type"] == "jwt"
    assert scheme["identitySource"] == "$request.header.Authorization"
    required = body["paths"]["/orders"]["get"]["security"][0]["Authserver"]
    configured = scheme["jwtConfiguration"]

    metadata = get(f"{configured['issuer']}/.well-known/openid-configuration")
    assert metadata["issuer"] == configured["issuer"]
    claims = verified(
        token,
        metadata["jwks_uri"],
        issuer=configured["issuer"],
        audience=configured["audience"][0],
        algorithms=["RS256", "RS384", "RS512"],
    )
    assert set(required) & set(claims["scope"].split())
    assert f'{{"caller": "{claims["client_id"]}"}}' in recipe.seen
