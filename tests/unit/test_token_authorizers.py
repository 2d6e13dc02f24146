"""Authorizers of type TOKEN: their events have no path parameters, so the authorizer could not check whose data a path
names."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from authserver.aws.authorizer import TOKEN_EVENT_REFUSED, authorizer
from authserver.messages.access import AccessRequest, ActiveAccessToken
from authserver.settings import Settings
from authserver.values import Scope

ARN = "arn:aws:execute-api:eu-west-1:123456789012:abcdefghij/v1/GET/organisations/globex/reports"
TOKEN_EVENT = {"type": "TOKEN", "authorizationToken": "Bearer at_x", "methodArn": ARN}
REQUEST_EVENT = {
    "type": "REQUEST",
    "methodArn": ARN,
    "httpMethod": "GET",
    "resource": "/organisations/{organisation_id}/reports",
    "headers": {"Authorization": "Bearer at_x"},
    "pathParameters": {"organisation_id": "globex"},
    "requestContext": {"identity": {"sourceIp": "192.0.2.1"}},
}


class Authorizer:
    """One that lets everybody pass, and notes what it was asked."""

    def __init__(self, *, accepts_token_events: bool) -> None:
        self.asked: list[AccessRequest] = []
        decorate = authorizer(accepts_token_events=accepts_token_events)
        self.handler = decorate(self._check)

    def _check(self, request: AccessRequest) -> ActiveAccessToken:
        self.asked.append(request)
        return ActiveAccessToken(
            subject="alice",
            client_id="web",
            scope=Scope.parse("read"),
            audience=("https://api.example",),
            issued_at=1,
            expires_at=2,
            jti="id",
        )


def test_a_token_event_is_refused_before_anything_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    refusing = Authorizer(accepts_token_events=False)
    with pytest.raises(RuntimeError, match="TOKEN") as raised:
        refusing.handler(TOKEN_EVENT, None)
    assert str(raised.value) != "Unauthorized"  # which API Gateway would take for a bad token
    assert refusing.asked == []
    line = json.loads(capsys.readouterr().out)
    assert (line["status"], line["reason"], line["advice"]) == (500, "token_event_refused", TOKEN_EVENT_REFUSED)
    assert "REQUEST" in line["advice"]
    assert "TokenAuthorizers=NoTenants" in line["advice"]
    assert "at_x" not in str(line)


@pytest.mark.parametrize("event", [{"type": "TOKEN"}, {**TOKEN_EVENT, "authorizationToken": None}], ids=str)
def test_a_token_event_that_is_malformed_is_refused_as_well(event: Any) -> None:
    with pytest.raises(RuntimeError, match="TOKEN"):
        Authorizer(accepts_token_events=False).handler(event, None)


def test_a_token_event_is_answered_where_no_path_names_a_tenant() -> None:
    accepting = Authorizer(accepts_token_events=True)
    answer = accepting.handler(TOKEN_EVENT, None)
    assert answer["principalId"] == "alice"
    assert [one.path_parameters for one in accepting.asked] == [{}]


@pytest.mark.parametrize("accepts", [True, False])
def test_a_request_event_is_answered_either_way_with_what_its_path_names(accepts: bool) -> None:
    one = Authorizer(accepts_token_events=accepts)
    assert one.handler(REQUEST_EVENT, None)["principalId"] == "alice"
    assert [asked.path_parameters for asked in one.asked] == [{"organisation_id": "globex"}]


# ------------------------------------------------------------------ the setting


@pytest.mark.parametrize(
    ("value", "accepts"), [(None, False), ("", False), ("Refused", False), ("notenants", False), ("NoTenants", True)]
)
def test_only_one_word_lets_them_pass(value: str | None, accepts: bool) -> None:
    numbers = ("ACCESS_TOKEN", "CODE", "REFRESH_TOKEN_IDLE", "REFRESH_TOKEN", "SESSION", "CONSENT")
    environ = {
        **{f"{name}_LIFETIME": "1" for name in numbers},
        **{f"{name}_TABLE": "t" for name in ("CLIENTS", "USERS", "TOKENS", "KEYS", "CONFIGURATION")},
        **dict.fromkeys(("REFRESH_TOKEN_GRACE", "KEY_ROTATION_DAYS"), "1"),
        **dict.fromkeys(("KMS_KEY", "ACCESS_TOKEN_ALGORITHM", "GRANT_TYPES", "CLIENT_AUTH_METHODS"), ""),
        **({"TOKEN_AUTHORIZERS": value} if value is not None else {}),
    }
    assert Settings.from_environ(environ).accepts_token_events is accepts


class Loader(yaml.CSafeLoader):
    """Reads CloudFormation's tags as text."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: f"{suffix} {node.value}")


def test_the_template_refuses_them_unless_somebody_says_otherwise() -> None:
    text = Path(__file__).parents[2].joinpath("template.yaml").read_text(encoding="utf-8")
    template = yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    parameter = template["Parameters"]["TokenAuthorizers"]
    assert (parameter["Default"], parameter["AllowedValues"]) == ("Refused", ["Refused", "NoTenants"])
    (group,) = [
        one
        for one in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        if "TokenAuthorizers" in one["Parameters"]
    ]
    assert group["Label"]["default"] == "What it offers"
    variables = template["Resources"]["AuthorizerFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["TOKEN_AUTHORIZERS"] == "Ref TokenAuthorizers"
