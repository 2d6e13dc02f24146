"""Authlib's requests integration."""

from typing import Any

import pytest
import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.clients.registered import CLIENTS, MACHINE, Registered, browse, parameter
from tests.flows.person import Deployment, Person


@pytest.fixture
def metadata(deployment: Deployment) -> dict[str, Any]:
    document = requests.get(get_well_known_url(deployment.issuer, external=True), timeout=30).json()
    checked = OpenIDProviderMetadata(document)
    # Authlib wants https, which loopback has no use for; its other rules hold.
    for name in OpenIDProviderMetadata.REGISTRY_KEYS:
        if name not in ("issuer", "jwks_uri") and not name.endswith("_endpoint"):
            getattr(checked, f"validate_{name}", lambda: None)()
    assert document["issuer"] == deployment.issuer
    return dict(document)


def read_id_token(token: str, metadata: dict[str, Any], client: Registered, nonce: str) -> CodeIDToken:
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=30).json())
    decoded = jwt.decode(token, keys, algorithms=[client.id_token_alg])
    options = {
        "iss": {"essential": True, "value": metadata["issuer"]},
        "aud": {"essential": True, "value": client.client_id},
    }
    claims = CodeIDToken(decoded.claims, decoded.header, options, {"nonce": nonce, "client_id": client.client_id})
    claims.validate()
    return claims


@pytest.mark.rfc("6749", "4.1")
@pytest.mark.rfc("6749", "6")
@pytest.mark.rfc("7636", "4")
@pytest.mark.rfc("7009", "2")
@pytest.mark.rfc("9207", "2.4")
@pytest.mark.rfc("OIDC Core", "3.1.3.7")
@pytest.mark.rfc("OIDC Core", "5.3")
@pytest.mark.rfc("OIDC Discovery", "4")
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: f"{client.client_id}-{client.id_token_alg}")
def test_authorization_code(
    deployment: Deployment, person: Person, metadata: dict[str, Any], client: Registered
) -> None:
    verifier, nonce = generate_token(48), generate_token()
    with OAuth2Session(
        client.client_id,
        client.secret,
        token_endpoint_auth_method=client.method,
        revocation_endpoint_auth_method=client.method,
        scope="openid profile email read",
        redirect_uri=client.redirect_uri,
        code_challenge_method="S256",
        token_endpoint=metadata["token_endpoint"],
    ) as session:
        address, state = session.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
        )
        answer = browse(person, address, client.redirect_uri)
        assert parameter(answer, "iss") == metadata["issuer"]

        token = session.fetch_token(authorization_response=answer, state=state, code_verifier=verifier)
        claims = read_id_token(token["id_token"], metadata, client, nonce)
        assert claims.header["alg"] == client.id_token_alg
        user = session.get(metadata["userinfo_endpoint"], timeout=30).json()
        assert (user["sub"], user["preferred_username"]) == (claims["sub"], "alice")
        assert session.get(f"{deployment.resource}/items", timeout=30).json()["items"]

        refreshed = session.refresh_token(refresh_token=token["refresh_token"])
        assert refreshed["access_token"] != token["access_token"]
        assert session.get(f"{deployment.resource}/me", timeout=30).json()["client_id"] == client.client_id

        ended = session.revoke_token(
            metadata["revocation_endpoint"], refreshed["refresh_token"], token_type_hint="refresh_token"
        )
        assert ended.status_code == 200
        assert session.get(f"{deployment.resource}/me", timeout=30).status_code == 401
        with pytest.raises(OAuthError, match="invalid_grant"):
            session.refresh_token(refresh_token=refreshed["refresh_token"])


@pytest.mark.rfc("6749", "4.4")
@pytest.mark.rfc("7662", "2")
@pytest.mark.rfc("7009", "2")
def test_client_credentials(deployment: Deployment, metadata: dict[str, Any]) -> None:
    with OAuth2Session(
        MACHINE.client_id, MACHINE.secret, scope="read write", token_endpoint=metadata["token_endpoint"]
    ) as session:
        token = session.fetch_token(grant_type="client_credentials")
        assert "refresh_token" not in token
        assert session.get(f"{deployment.resource}/items", timeout=30).status_code == 200
        told = session.introspect_token(metadata["introspection_endpoint"], token["access_token"]).json()
        assert (told["active"], told["scope"], told["client_id"]) == (True, token["scope"], "demo-machine")
        session.revoke_token(metadata["revocation_endpoint"], token["access_token"])
        assert session.get(f"{deployment.resource}/items", timeout=30).status_code == 401
        told = session.introspect_token(metadata["introspection_endpoint"], token["access_token"]).json()
        assert told == {"active": False}
