"""Each alarm fires when its cause happens, by the metrics that functions write or AWS documents, and not before."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from authserver.aws.log import OUTCOMES, _latency, outcome_of
from local.intrinsics import Resolver
from scripts.deploy import ALARM_METRICS
from tests.functions.canary_flows import canary
from tests.functions.events import request_authorizer_event
from tests.functions.gateway import Gateway
from tests.functions.journey import Browser, machine, native, web
from tests.functions.simulated_aws import Fault
from tests.functions.world import ROOT, World
from tests.template.written import Written

ALARMS = yaml_parse((ROOT / "stacks" / "alarms.yaml").read_text())
PAGE = (ROOT / "docs" / "operations" / "alarms.md").read_text()
type Key = tuple[str, str, frozenset[tuple[str, str]]]
type Metrics = Mapping[Key, list[float]]

# What AWS writes: the dimensions of each metric by its namespace and name, as its documentation says.
OF_AWS = {
    ("AWS/ApiGateway", "5xx"): {"ApiId"},
    ("AWS/ApiGateway", "5XXError"): {"ApiName", "Stage"},
    ("AWS/Lambda", "Throttles"): set(),
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    ("AWS/Lambda", "IteratorAge"): {"FunctionName"},
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {"QueueName"},
    ("AWS/Usage", "ResourceCount"): {"Service", "Type", "Resource", "Class"},
    ("AWS/DynamoDB", "ReadThrottleEvents"): {"TableName"},
    ("AWS/DynamoDB", "WriteThrottleEvents"): {"TableName"},
    ("AWS/SES", "Reputation.BounceRate"): set(),
}
QUOTA = 1000.0
CONCURRENCY = frozenset(
    {("Service", "Lambda"), ("Type", "Resource"), ("Resource", "ConcurrentExecutions"), ("Class", "None")}
)


def given(written: Written) -> dict[str, str]:
    """The parameters of the nested stack, as the template gives them where everything is on."""
    parameters = written.template["Resources"]["AlarmStack"]["Properties"]["Parameters"]
    named = {"AWS::StackName": "authserver"}
    return {name: _text(value, named) for name, value in parameters.items()}


def _text(value: Any, named: Mapping[str, str]) -> str:
    match value:
        case {"Ref": name}:
            return named.get(name, name)
        case {"Fn::GetAtt": [name, "Arn"]}:
            return f"arn:{name}"
        case {"Fn::GetAtt": [name, "QueueName"]}:
            return str(name)
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: named[found[1]], text)
        case {"Fn::If": [_, yes, _]}:
            return _text(yes, named)
    return str(value)


@pytest.fixture(scope="module")
def alarms() -> dict[str, dict[str, Any]]:
    """Properties by the alarm's name behind that of the stack."""
    parameters = given(Written())
    assert set(parameters) == set(ALARMS["Parameters"])
    resolver = Resolver(parameters, ALARMS["Conditions"], "123456789012")
    found = {
        logical_id: resolver.resolve(one["Properties"], logical_id)
        for logical_id, one in ALARMS["Resources"].items()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    }
    return {one["AlarmName"].removeprefix("authserver-"): one for one in found.values()}


# ------------------------------------------------------------------ metrics, and expressions on them


def key_of(metric: Mapping[str, Any]) -> Key:
    dimensions = frozenset((one["Name"], one["Value"]) for one in metric.get("Dimensions", ()))
    return metric["Namespace"], metric["MetricName"], dimensions


def extracted(lines: str) -> Metrics:
    """What CloudWatch makes of lines in its embedded metric format."""
    found: dict[Key, list[float]] = defaultdict(list)
    for line in (json.loads(text) for text in lines.splitlines()):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, line[name]) for name in names)
                for metric in directive["Metrics"]:
                    found[directive["Namespace"], metric["Name"], dimensions].append(float(line[metric["Name"]]))
    return found


def statistic(values: list[float], name: str) -> float | None:
    if not values:
        return None
    return {"Sum": sum(values), "SampleCount": float(len(values)), "Maximum": max(values), "Minimum": min(values)}.get(
        name, sum(values) / len(values)
    )


def value_of(alarm: Mapping[str, Any], metrics: Metrics) -> float | None:
    """What the alarm compares with its threshold in one period."""
    if "Metrics" not in alarm:
        return statistic(metrics.get(key_of(alarm), []), alarm["Statistic"])
    expression = next(one["Expression"] for one in alarm["Metrics"] if "Expression" in one)
    read = {
        one["Id"]: statistic(metrics.get(key_of(one["MetricStat"]["Metric"]), []), one["MetricStat"]["Stat"])
        for one in alarm["Metrics"]
        if "MetricStat" in one
    }
    filled = re.sub(r"FILL\((\w+), 0\)", lambda found: str(read[found[1]] or 0.0), expression)
    quotas = re.sub(r"SERVICE_QUOTA\(\w+\)", str(QUOTA), filled)
    for name, value in read.items():
        quotas = re.sub(rf"\b{name}\b", "None" if value is None else str(value), quotas)
    if "None" in quotas:
        return None
    assert re.fullmatch(r"[\d.eE+* /()-]+", quotas), expression
    return float(eval(quotas))  # noqa: S307 - arithmetic alone, by the line above


def fires(alarm: Mapping[str, Any], periods: Sequence[Metrics]) -> bool:
    """Whether the alarm fires at the end of these periods, of which it looks at the last. Before them all was well."""
    last = periods[-int(alarm["EvaluationPeriods"]) :]
    breaching = sum(breaches(alarm, metrics) for metrics in last)
    return breaching >= lasting(alarm)


def lasting(alarm: Mapping[str, Any]) -> int:
    """In how many periods of those that it looks at it has to breach."""
    return int(alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]))


def breaches(alarm: Mapping[str, Any], metrics: Metrics) -> bool:
    """Whether a period with these metrics is one that breaches."""
    value = value_of(alarm, metrics)
    if value is None:
        return bool(alarm["TreatMissingData"] == "breaching")
    if alarm["ComparisonOperator"] == "LessThanThreshold":
        return value < float(alarm["Threshold"])
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    return value >= float(alarm["Threshold"])


def keys_of(alarm: Mapping[str, Any]) -> Iterator[Key]:
    if "Metrics" not in alarm:
        yield key_of(alarm)
    for one in alarm.get("Metrics", ()):
        if "MetricStat" in one:
            yield key_of(one["MetricStat"]["Metric"])


# ------------------------------------------------------------------ causes


def replay_a_code(world: World) -> None:
    app, browser = web(Gateway(world)), Browser(Gateway(world))
    code = browser.go_through(app.request())["code"]
    assert app.exchange(code).status == 200
    world.clock.pass_by(100)
    assert app.exchange(code).error == "invalid_grant"


def reuse_a_refresh_token(world: World) -> None:
    app = native(Gateway(world))
    tokens = app.tokens(Browser(Gateway(world)))
    app.refresh(app.refresh(tokens["refresh_token"]).json()["refresh_token"])
    world.clock.pass_by(100)
    assert app.refresh(tokens["refresh_token"]).error == "invalid_grant"


def break_a_store(world: World) -> None:
    with world.aws.failing(lambda call: Fault.THROTTLED if call.operation == "BatchGetItem" else None):
        assert machine(Gateway(world)).own_token().status == 503


def break_the_code(world: World) -> None:
    def broken(_: object) -> dict[str, str]:
        return {"Responses": "nonsense"}

    with world.aws.failing(lambda call: broken if call.operation == "BatchGetItem" else None):
        assert machine(Gateway(world)).own_token().status == 500


def change_a_signature(world: World) -> None:
    token = str(machine(Gateway(world)).own_token().json()["access_token"])
    header, payload, signature = token.split(".")
    changed = f"{header}.{payload}.{signature[:-4]}AAAA"
    event = request_authorizer_event(
        "GET", "/me", resource=world.resource, headers={"Authorization": f"Bearer {changed}"}
    )
    with pytest.raises(RuntimeError, match="Unauthorized"):
        world.invoke("authorizer", event)


def guess_passwords(world: World) -> None:
    """Until there are too many, which each further one is told."""
    browser = Browser(Gateway(world))
    login = browser.follow(browser.authorize(native(browser.gateway).request()))
    assert any(browser.sign_in(login, password="wrong").status == 429 for _ in range(200))


def let_keys_age(world: World) -> None:
    """They are due, and another run is always quicker."""
    world.clock.pass_by(200 * 86_400)
    module = world.load("rotate_keys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(module.services.keys), "rotate", lambda *_, **__: ())
        with world.using(rotate_keys=module):
            world.invoke("rotate_keys", {})


def have_the_canary_fail(world: World) -> None:
    with canary(world) as (_, through):
        through.fails = {f"{world.issuer}/token"}
        world.invoke("canary", {})


OURS: Mapping[str, Callable[[World], None]] = {
    "code-replay": replay_a_code,
    "refresh-reuse": reuse_a_refresh_token,
    "dependencies": break_a_store,
    "bugs": break_the_code,
    "authorizer-anomalies": change_a_signature,
    "flood": guess_passwords,
    "key-age": let_keys_age,
    "canary": have_the_canary_fail,
}


@pytest.mark.parametrize("name", OURS)
def test_an_alarm_on_what_we_write_fires_by_its_cause(
    name: str,
    alarms: Mapping[str, Any],
    world: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As often as the threshold says; one less does not, nor does what else was written meanwhile."""
    monkeypatch.setenv("METRICS_NAMESPACE", "Authserver/authserver")
    _latency.cache_clear()
    alarm = alarms[name]
    OURS[name](world)
    once = extracted(capsys.readouterr().out)
    _latency.cache_clear()
    watched = set(keys_of(alarm))
    caused = {key: values[-1:] for key, values in once.items() if key in watched}
    assert caused, f"nothing that {name} looks at was written: {sorted(once)}"
    others = {key: values * 1000 for key, values in once.items() if key not in watched}
    if alarm.get("Statistic") in ("Minimum", "Maximum"):
        assert_fires_by(alarm, others | caused, others | {key: [1.0] for key in caused})
        return
    often = int(alarm["Threshold"])
    assert_fires_by(
        alarm,
        others | {key: values * often for key, values in caused.items()},
        others | {key: values * (often - 1) for key, values in caused.items()},
    )


def assert_fires_by(alarm: Mapping[str, Any], breaching: Metrics, well: Metrics) -> None:
    """In as many periods as the alarm takes, and not in one less, nor once they are out of its sight."""
    needed, seen = lasting(alarm), int(alarm["EvaluationPeriods"])
    assert fires(alarm, [breaching] * needed)
    assert fires(alarm, [breaching] * needed + [well] * (seen - needed))
    assert not fires(alarm, [breaching] * (needed - 1) + [well])
    assert not fires(alarm, [breaching] * needed + [well] * (seen - needed + 1))
    assert not fires(alarm, [well] * seen)


def test_each_security_matter_of_the_authorizer_counts(alarms: Mapping[str, Any]) -> None:
    alarm = alarms["authorizer-anomalies"]
    reasons = {value for _, _, dimensions in keys_of(alarm) for name, value in dimensions if name == "reason"}
    assert {outcome_of(reason) for reason in reasons} == {"security"}
    assert reasons == {
        reason for reason in OUTCOMES if outcome_of(reason) == "security" and reason.startswith(("jwt_", "route_"))
    }
    for key in keys_of(alarm):
        assert fires(alarm, [{key: [0.1] * 50}])


OF_OTHERS: Mapping[str, tuple[Metrics, Metrics]] = {
    "authorization-api-5xx": (
        {("AWS/ApiGateway", "5xx", frozenset({("ApiId", "AuthorizationApi")})): [4.0, 6.0]},
        {("AWS/ApiGateway", "5xx", frozenset({("ApiId", "AuthorizationApi")})): [4.0, 5.0]},
    ),
    "resource-api-5xx": (
        {("AWS/ApiGateway", "5XXError", frozenset({("ApiName", "authserver"), ("Stage", "v1")})): [10.0]},
        {("AWS/ApiGateway", "5XXError", frozenset({("ApiName", "authserver"), ("Stage", "v1")})): [9.0]},
    ),
    "lambda-throttles": (
        {("AWS/Lambda", "Throttles", frozenset()): [10.0]},
        {("AWS/Lambda", "Throttles", frozenset()): []},
    ),
    "concurrency": (
        {("AWS/Usage", "ResourceCount", CONCURRENCY): [100.0, 800.0]},
        {("AWS/Usage", "ResourceCount", CONCURRENCY): [100.0, 799.0]},
    ),
    "key-rotation": (
        {("AWS/Lambda", "Errors", frozenset({("FunctionName", "RotateKeysFunction")})): [1.0]},
        {("AWS/Lambda", "Errors", frozenset({("FunctionName", "AuthorizerFunction")})): [100.0]},
    ),
    "erasures": (
        {("AWS/Lambda", "Errors", frozenset({("FunctionName", "EraseFunction")})): [1.0, 2.0]},
        {
            ("AWS/Lambda", "Errors", frozenset({("FunctionName", "EraseFunction")})): [1.0, 1.0],
            ("AWS/Lambda", "Errors", frozenset({("FunctionName", "AuthorizerFunction")})): [100.0],
        },
    ),
    "table-throttles": (
        {
            ("AWS/DynamoDB", "ReadThrottleEvents", frozenset({("TableName", "TokensTable")})): [60.0],
            ("AWS/DynamoDB", "WriteThrottleEvents", frozenset({("TableName", "KeysTable")})): [40.0],
        },
        {("AWS/DynamoDB", "ReadThrottleEvents", frozenset({("TableName", "TokensTable")})): [99.0]},
    ),
    "audit-throttles": (
        {
            ("AWS/DynamoDB", "ReadThrottleEvents", frozenset({("TableName", "AuditTable")})): [60.0],
            ("AWS/DynamoDB", "WriteThrottleEvents", frozenset({("TableName", "AuditTable")})): [40.0],
        },
        {
            ("AWS/DynamoDB", "WriteThrottleEvents", frozenset({("TableName", "AuditTable")})): [99.0],
            ("AWS/DynamoDB", "WriteThrottleEvents", frozenset({("TableName", "TokensTable")})): [1.0],
        },
    ),
    "events-late": (
        {("AWS/Lambda", "IteratorAge", frozenset({("FunctionName", "PublishFunction")})): [100.0, 900_000.0]},
        {("AWS/Lambda", "IteratorAge", frozenset({("FunctionName", "PublishFunction")})): [899_999.0]},
    ),
    "events-unpublished": (
        {("AWS/SQS", "ApproximateNumberOfMessagesVisible", frozenset({("QueueName", "EventDeadLetters")})): [0.0, 1.0]},
        {("AWS/SQS", "ApproximateNumberOfMessagesVisible", frozenset({("QueueName", "EventDeadLetters")})): [0.0]},
    ),
    "webhooks-undelivered": (
        {
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", frozenset({("QueueName", "WebhookDeadLetters")})): [
                0.0,
                1.0,
            ]
        },
        {("AWS/SQS", "ApproximateNumberOfMessagesVisible", frozenset({("QueueName", "EventDeadLetters")})): [1.0]},
    ),
    "audit-unsealed": (
        {("AWS/Lambda", "IteratorAge", frozenset({("FunctionName", "SealFunction")})): [5_000.0, 900_000.0]},
        {
            ("AWS/Lambda", "IteratorAge", frozenset({("FunctionName", "SealFunction")})): [800_000.0, 800_000.0],
            ("AWS/Lambda", "IteratorAge", frozenset({("FunctionName", "AnotherFunction")})): [1e9],
        },
    ),
    "audit-dead-letters": (
        {("AWS/SQS", "ApproximateNumberOfMessagesVisible", frozenset({("QueueName", "SealDeadLetters")})): [0.0, 1.0]},
        {("AWS/SQS", "ApproximateNumberOfMessagesVisible", frozenset({("QueueName", "AnotherQueue")})): [1.0]},
    ),
    "mail-bounces": (
        {("AWS/SES", "Reputation.BounceRate", frozenset()): [0.04, 0.06]},
        {("AWS/SES", "Reputation.BounceRate", frozenset()): [0.04]},
    ),
}


@pytest.mark.parametrize("name", OF_OTHERS)
def test_an_alarm_on_what_aws_writes_fires_by_its_metrics(name: str, alarms: Mapping[str, Any]) -> None:
    breaching, well = OF_OTHERS[name]
    assert_fires_by(alarms[name], breaching, well)
    assert_fires_by(alarms[name], breaching, {})
    for namespace, metric, dimensions in keys_of(alarms[name]):
        assert OF_AWS[namespace, metric] == {dimension for dimension, _ in dimensions}


def test_every_alarm_is_tried_and_has_its_runbook(alarms: Mapping[str, Any]) -> None:
    assert set(alarms) == set(OURS) | set(OF_OTHERS)
    sections = set(re.findall(r"^## (.+)$", PAGE, re.MULTILINE))
    assert sections == {*alarms, "key-disabled"}
    for name, alarm in alarms.items():
        assert alarm["AlarmDescription"].endswith(f" See docs/operations/alarms.md#{name}")
        assert len(alarm.get("Metrics", ())) <= 10 + 1
        assert alarm["AlarmActions"] == ["AlarmTopic"]


PERIOD = {"hour": 3600, "fifteen minutes": 900, "five minutes": 300}
TIMES = {"three times": 3, "five times": 5}


def test_the_runbooks_say_how_often_and_in_what_time(alarms: Mapping[str, Any]) -> None:
    for name, times, period in (
        ("code-replay", "three times", "five minutes"),
        ("refresh-reuse", "five times", "fifteen minutes"),
        ("erasures", "three times", "hour"),
    ):
        meaning = PAGE.partition(f"\n## {name}\n")[2].partition("**First look:**")[0]
        assert re.search(rf"{times} in (an? )?{period}", " ".join(meaning.split()))
        alarm = alarms[name]
        assert (alarm["Threshold"], alarm["Period"], lasting(alarm)) == (TIMES[times], PERIOD[period], 1)


def test_each_table_is_watched(alarms: Mapping[str, Any]) -> None:
    """For reads and for writes alike, by one of two alarms: an alarm may look at ten metrics."""
    tables = Written().of_type("AWS::DynamoDB::Table")
    watched = [key for name in ("table-throttles", "audit-throttles") for key in keys_of(alarms[name])]
    assert sorted((metric, dict(dimensions)["TableName"]) for _, metric, dimensions in watched) == sorted(
        (metric, table) for table in tables for metric in ("ReadThrottleEvents", "WriteThrottleEvents")
    )


def test_a_canary_that_says_nothing_is_one_that_fails(alarms: Mapping[str, Any]) -> None:
    assert_fires_by(alarms["canary"], {}, {("Authserver/authserver", "Canary", frozenset()): [1.0]})


def test_nobody_looking_at_the_age_of_keys_is_told(alarms: Mapping[str, Any]) -> None:
    assert alarms["key-age"]["InsufficientDataActions"] == ["AlarmTopic"]
    assert alarms["key-age"]["TreatMissingData"] == "missing"


@pytest.mark.parametrize("call", ["DisableKey", "ScheduleKeyDeletion"])
def test_a_key_that_is_disabled_or_deleted_is_told(call: str) -> None:
    """By the event that CloudTrail has of the call, as its documentation shows it."""
    rule = ALARMS["Resources"]["KeyDisabled"]["Properties"]
    pattern = json.loads(json.dumps(rule["EventPattern"]).replace('{"Ref": "WrappingKeyArn"}', '"the key"'))
    assert matches(pattern, call_of_kms(call, "the key"))
    assert not matches(pattern, call_of_kms("Decrypt", "the key"))
    assert not matches(pattern, call_of_kms(call, "another key"))
    assert [target["Arn"] for target in rule["Targets"]] == [{"Ref": "Topic"}]


def call_of_kms(name: str, key: str) -> dict[str, Any]:
    return {
        "source": "aws.kms",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "eventSource": "kms.amazonaws.com",
            "eventName": name,
            "resources": [{"ARN": key, "accountId": "123456789012", "type": "AWS::KMS::Key"}],
        },
    }


def matches(pattern: Any, event: Any) -> bool:
    """EventBridge's rule: each field is one of those named; of a list, any member."""
    if isinstance(event, list):
        return any(matches(pattern, one) for one in event)
    if isinstance(pattern, list):
        return event in pattern
    return isinstance(event, dict) and all(name in event and matches(one, event[name]) for name, one in pattern.items())


def test_the_dashboard_shows_metrics_that_there_are() -> None:
    body = ALARMS["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    named = {"AWS::Region": "eu-central-1", **given(Written())}
    dashboard = json.loads(re.sub(r"\$\{([^}]+)\}", lambda found: named[found[1]], body))
    shown = [metric for widget in dashboard["widgets"] for metric in widget["properties"]["metrics"]]
    assert {metric[3] for metric in shown if metric[:3] == ["Authserver/authserver", "Latency", "outcome"]} == {
        *OUTCOMES.values()
    }
    assert {metric[0] for metric in shown if isinstance(metric[0], str)} <= {
        *("Authserver/authserver", "AWS/ApiGateway", "AWS/Lambda", "AWS/DynamoDB")
    }


def test_make_deploy_says_what_the_alarms_cost(alarms: Mapping[str, Any]) -> None:
    assert sum(len(list(keys_of(alarm))) for alarm in alarms.values()) == ALARM_METRICS
