"""OAuthlib by way of requests-oauthlib; ID tokens with PyJWT."""

from typing import Any

import jwt
import pytest
import requests
from oauthlib.oauth2 import BackendApplicationClient, InvalidGrantError, MismatchingStateError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from tests.clients.registered import CLIENTS, MACHINE, Registered, browse, parameter
from tests.flows.person import Deployment, Person


@pytest.fixture
def metadata(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The library has no discovery of its own; and it wants to be told that http will do."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    address = f"{deployment.issuer}/.well-known/oauth-authorization-server"
    return dict(requests.get(address, timeout=30).json())


def credentials(client: Registered) -> dict[str, Any]:
    """How the library is told of the client's authentication method."""
    if client.secret is None:
        return {"include_client_id": True}
    if client.method == "client_secret_post":
        return {"include_client_id": True, "client_secret": client.secret}
    return {"auth": HTTPBasicAuth(client.client_id, client.secret)}


def body_of(client: Registered) -> dict[str, Any]:
    """The same, where the library has no word for it."""
    if client.method == "client_secret_basic":
        return {}
    return {"client_id": client.client_id} | ({"client_secret": client.secret} if client.secret else {})


@pytest.mark.rfc("6749", "4.1")
@pytest.mark.rfc("6749", "6")
@pytest.mark.rfc("7636", "4")
@pytest.mark.rfc("7009", "2")
@pytest.mark.rfc("8414", "3")
@pytest.mark.rfc("9207", "2.4")
@pytest.mark.rfc("OIDC Core", "3.1.3.7")
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: f"{client.client_id}-{client.id_token_alg}")
def test_authorization_code(
    deployment: Deployment, person: Person, metadata: dict[str, Any], client: Registered
) -> None:
    scope = ["openid", "profile", "email", "read"]
    with OAuth2Session(client.client_id, redirect_uri=client.redirect_uri, scope=scope, pkce="S256") as session:
        address, _ = session.authorization_url(metadata["authorization_endpoint"], nonce="a nonce")
        answer = browse(person, address, client.redirect_uri)
        assert parameter(answer, "iss") == metadata["issuer"]

        with pytest.raises(MismatchingStateError):
            session.fetch_token(
                metadata["token_endpoint"], authorization_response=f"{client.redirect_uri}?code=x&state=y"
            )
        token = session.fetch_token(
            metadata["token_endpoint"], authorization_response=answer, timeout=30, **credentials(client)
        )
        key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token["id_token"])
        claims = jwt.decode(
            token["id_token"],
            key,
            algorithms=[client.id_token_alg],
            audience=client.client_id,
            issuer=metadata["issuer"],
            options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce", "auth_time"]},
        )
        assert claims["nonce"] == "a nonce"
        user = session.get(metadata["userinfo_endpoint"], timeout=30).json()
        assert (user["sub"], user["email"]) == (claims["sub"], "alice@example.com")
        assert session.get(f"{deployment.resource}/items", timeout=30).json()["items"]

        refreshed = session.refresh_token(
            metadata["token_endpoint"], timeout=30, auth=credentials(client).get("auth"), **body_of(client)
        )
        assert refreshed["access_token"] != token["access_token"]
        assert session.get(f"{deployment.resource}/me", timeout=30).json()["client_id"] == client.client_id

        revocation, headers, form = session._client.prepare_token_revocation_request(
            metadata["revocation_endpoint"], refreshed["refresh_token"], "refresh_token", **body_of(client)
        )
        auth = credentials(client).get("auth")
        ended = requests.post(revocation, form, headers=headers, auth=auth, timeout=30)
        assert ended.status_code == 200, ended.text
        assert session.get(f"{deployment.resource}/me", timeout=30).status_code == 401
        with pytest.raises(InvalidGrantError):
            session.refresh_token(metadata["token_endpoint"], timeout=30, auth=auth, **body_of(client))


@pytest.mark.rfc("6749", "4.4")
def test_client_credentials(deployment: Deployment, metadata: dict[str, Any]) -> None:
    with OAuth2Session(client=BackendApplicationClient(MACHINE.client_id, scope=["read"])) as session:
        token = session.fetch_token(
            metadata["token_endpoint"], auth=HTTPBasicAuth(MACHINE.client_id, MACHINE.secret or ""), timeout=30
        )
        assert token["scope"] == ["read"]
        assert "refresh_token" not in token
        assert session.get(f"{deployment.resource}/items", timeout=30).status_code == 200
        assert session.post(f"{deployment.resource}/items", json={"name": "x"}, timeout=30).status_code == 403
