"""The template with all that an operator can turn on and the emulator bears, with IAM enforced: `make deployed-test`.

Alarms are off, since the emulator has no CodeDeploy and its alarms watch nothing. The two functions of the operator's
own are off, since there are none; and what other choices exclude.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deployed.stack import DeploymentFailed, Stack, deployed
from tests.flows.person import App, Deployment, Person

SECRET = "s" * 43
CERTIFICATE = "arn:aws:acm:eu-central-1:000000000000:certificate/12345678-1234-1234-1234-123456789012"
DIGEST = sha256(SECRET.encode()).hexdigest()
OF_CLOUDFRONT = {"x-origin-verify": SECRET, "cloudfront-viewer-address": "192.0.2.7:443"}
EVERYTHING = {
    "AuthDomainName": "login.customers.example",
    "DomainName": "api.customers.example",
    "CertificateArn": CERTIFICATE,
    "AuthEdgeTarget": "d111111abcdef8.cloudfront.net",
    "EdgeTarget": "d111111abcdef9.cloudfront.net",
    "AuthOriginSecretDigests": DIGEST,
    "OriginSecretDigests": DIGEST,
    "BearerTokenIn": "HeaderOrApiKeyOrQuery",
    "AuthorizerCacheSeconds": "0",
    "ApiKeys": "On",
    "Registration": "InitialAccessToken",
    "ClientDocuments": "On",
    "AccountDeletion": "Allowed",
    "EmailSignIn": "true",
    "ImplicitGrant": "true",
    "PasswordGrant": "true",
    "EndpointAliases": "oauth,placeos,cognito,keycloak",
    "ScriptSignIn": "true",
    "MailFrom": "no-reply@customers.example",
    "Events": "On",
    "AuditChain": "On",
    "AuditArchive": "Governance",
    "Canary": "On",
    "AccessLogs": "On",
    "ClientMetrics": "On",
    "LogSampling": "10",
    "Tracing": "Active",
    "PublishOutputs": "true",
}
WITHIN = 240.0  # seconds, on a busy machine


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Deployment]]:
    folder = tmp_path_factory.mktemp("everything")
    with deployed(folder, with_iam=True, added=OF_CLOUDFRONT, **EVERYTHING) as (stack, issuer, resource):
        yield stack, Deployment(issuer, resource, "emulator")


def test_tokens_are_issued_taken_and_refreshed(app: App, machine: App, person: Person) -> None:
    token = machine.post("/token", grant_type="client_credentials", scope="read").json()["access_token"]
    assert machine.call("/items", token).status_code == 200
    tokens = app.tokens_for(person, scope="openid read")
    refreshed = app.refresh(tokens["refresh_token"]).json()
    assert app.call("/userinfo", refreshed["access_token"]).status_code == 200


def test_what_does_not_come_through_the_edge_is_refused(stack: Stack) -> None:
    for api, path in (("AuthorizationApi", "$default/.well-known/openid-configuration"), ("ResourceApi", "v1/me")):
        url = f"{stack.emulator.endpoint_url}/_aws/execute-api/{stack.resources[api]}/{path}"
        assert httpx.get(url, timeout=60).status_code in (401, 403)
        assert httpx.get(url, headers={"x-origin-verify": "guessed"}, timeout=60).status_code in (401, 403)


def test_a_change_is_told_on_the_bus(stack: Stack) -> None:
    queues, bus = stack.emulator.client("sqs"), stack.emulator.client("events")
    url: str = queues.create_queue(QueueName="told")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus.put_rule(Name="told", EventPattern=json.dumps({"source": [{"prefix": ""}]}))
    bus.put_targets(Rule="told", Targets=[{"Id": "queue", "Arn": arn}])
    client = made(stack, "Told")

    def told() -> bool:
        messages = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2).get("Messages", [])
        return any(client in one["Body"] for one in messages)

    until(told)


def test_the_canary_makes_its_client_and_its_acts_are_in_the_audit(stack: Stack) -> None:
    """It cannot go further here: it makes requests to public addresses alone."""
    answer = invoke(stack, "CanaryFunction", {})
    assert answer["seen"].startswith("token_")
    assert "Canary" in tool(stack, "clients", "show", "canary")
    acts = [one["act"] for one in audited(stack, "--object", "client:canary")]
    assert "client.created" in acts


def test_an_act_is_audited_sealed_and_archived_and_a_changed_event_is_found(stack: Stack, tmp_path: Path) -> None:
    client = made(stack, "Audited")
    (event,) = audited(stack, "--object", f"client:{client}")
    assert (event["act"], event["actor"]["kind"]) == ("client.created", "iam")
    s3, bucket = stack.emulator.client("s3"), stack.outputs["AuditBucket"]

    def archived() -> dict[str, str]:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="links/").get("Contents", [])
        bodies = {one["Key"]: s3.get_object(Bucket=bucket, Key=one["Key"])["Body"] for one in listed}
        return {key: body.read().decode() for key, body in bodies.items()}

    until(lambda: any(event["id"] in text for text in archived().values()))
    for key, text in archived().items():
        file = tmp_path / "archive" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert "whole" in tool(stack, "audit", "verify")
    tool(stack, "audit", "verify", str(tmp_path / "archive"))

    stack.emulator.client("dynamodb").update_item(
        TableName=stack.resources["AuditTable"],
        Key={"id": {"S": f"event#{event['id']}"}},
        UpdateExpression="SET #act = :another",
        ConditionExpression="attribute_exists(#act)",
        ExpressionAttributeNames={"#act": "act"},
        ExpressionAttributeValues={":another": {"S": "client.deleted"}},
    )
    with pytest.raises(DeploymentFailed, match="event changed") as found:
        tool(stack, "audit", "verify")
    assert event["id"] in str(found.value)


def tool(stack: Stack, *arguments: str) -> str:
    """What `authserver` says to an operator of the stack. Raises `DeploymentFailed`."""
    return stack.emulator.run(str(Path(sys.executable).with_name("authserver")), "--stack", stack.name, *arguments)


def made(stack: Stack, name: str) -> str:
    """The identifier of a client that an operator makes."""
    said = tool(stack, "--json", "clients", "create", name, "--public", "--redirect-uri", "https://app.example/back")
    return str(json.loads(said)["client_id"])


def audited(stack: Stack, *arguments: str) -> list[dict[str, Any]]:
    """The events of the audit; its indexes are there as soon as their items, unlike on AWS."""
    return list(json.loads(tool(stack, "--json", "audit", "list", *arguments)))


def invoke(stack: Stack, function: str, event: dict[str, Any]) -> dict[str, Any]:
    functions = stack.emulator.client("lambda")
    answer = functions.invoke(
        FunctionName=stack.resources[function], Qualifier="live", Payload=json.dumps(event).encode()
    )
    with closing(answer["Payload"]) as payload:
        return dict(json.loads(payload.read()))


def until(is_so: Callable[[], bool]) -> None:
    """Waits for what another process does in its own time: the emulator reads streams once a second."""
    gives_up = time.monotonic() + WITHIN
    while not is_so():
        assert time.monotonic() < gives_up, "it did not happen"
        time.sleep(0.5)
