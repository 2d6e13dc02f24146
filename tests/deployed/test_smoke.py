"""The built template, deployed as it is by the command of `make deploy`, and asked over HTTP with IAM enforced.

`make deployed-test` asks it all that tests/flows has.
"""

import httpx

from tests.deployed.stack import Stack
from tests.flows.person import App, Deployment, Person


def test_the_stack_has_what_an_operator_needs_to_go_on(stack: Stack, deployment: Deployment) -> None:
    assert stack.description["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    assert stack.outputs["Issuer"] == deployment.issuer
    assert stack.outputs["ResourceUrl"] == deployment.resource


def test_a_machine_gets_a_token_and_the_authorizer_takes_it_until_it_is_revoked(
    machine: App, deployment: Deployment
) -> None:
    token = machine.post("/token", grant_type="client_credentials", scope="read").json()["access_token"]
    assert machine.call("/items", token).status_code == 200
    assert machine.call("/items", token, "POST", json={"name": "x"}).status_code == 403
    assert machine.call("/items", f"{token}x").status_code == 401
    assert machine.post("/revoke", token=token).status_code == 200
    assert machine.call("/items", token).status_code == 401


def test_a_call_without_a_token_gets_the_challenge_of_the_template(deployment: Deployment) -> None:
    response = httpx.get(f"{deployment.resource}/items", timeout=60)
    assert response.status_code == 401
    assert f"{deployment.resource}/.well-known/oauth-protected-resource" in response.headers["www-authenticate"]


def test_a_user_signs_in_and_the_app_refreshes(app: App, person: Person) -> None:
    tokens = app.tokens_for(person, scope="openid read")
    assert app.call("/me", tokens["access_token"]).json()
    refreshed = app.refresh(tokens["refresh_token"]).json()
    assert app.call("/userinfo", refreshed["access_token"]).status_code == 200
