"""Access logs of both APIs: JSON, off unless asked for, and without what may be a secret."""

import json
import re

import pytest

from tests.template.written import Written

APIS = {"AuthorizationApi": "AccessLogSettings", "ResourceApi": "AccessLogSetting"}


@pytest.mark.parametrize("api", APIS)
def test_a_line_is_json_and_has_no_path_query_or_header(api: str, written: Written) -> None:
    setting = written.template["Resources"][api]["Properties"][APIS[api]]
    condition, on, off = setting["Fn::If"]
    assert (condition, off) == ("HasAccessLogs", {"Ref": "AWS::NoValue"})
    line = json.loads(on["Format"])
    assert {"request_id", "source", "method", "route", "status", "latency", "error"} <= set(line)
    variables = set(re.findall(r"\$context\.([\w.]+)", on["Format"]))
    assert not {one for one in variables if re.fullmatch(r"path|.*(user|authorizer\.(?!status)|domain).*", one)}
    assert line["request_id"] == "$context.requestId"


def test_they_are_off_and_kept_as_long_as_the_other_logs(written: Written) -> None:
    assert written.template["Parameters"]["AccessLogs"]["Default"] == "Off"
    group = written.template["Resources"]["AccessLogGroup"]
    assert group["Condition"] == "HasAccessLogs"
    assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert group["Properties"]["LogGroupName"]["Fn::Sub"].startswith("/aws/vendedlogs/")


def test_scripts_may_read_the_request_id_wherever_a_refusal_has_one(written: Written) -> None:
    responses = written.template["Resources"]["ResourceApi"]["Properties"]["GatewayResponses"]
    exposed = {
        name: one["ResponseParameters"]["Headers"]["Access-Control-Expose-Headers"] for name, one in responses.items()
    }
    assert {name for name, headers in exposed.items() if "x-amzn-RequestId" in headers} == {
        *("ACCESS_DENIED", "AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR")
    }
