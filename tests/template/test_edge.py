"""stacks/edge.yaml: what of a request CloudFront passes on, what it keeps, and what it writes down."""

import re
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from scripts.edge import CHOSEN, LONGEST
from tests.functions.world import ROOT

TEXT = (ROOT / "stacks" / "edge.yaml").read_text(encoding="utf-8")
EDGE: dict[str, Any] = yaml_parse(TEXT)
RESOURCES = EDGE["Resources"]
DISTRIBUTIONS = {
    name: one["Properties"]["DistributionConfig"]
    for name, one in RESOURCES.items()
    if one["Type"] == "AWS::CloudFront::Distribution"
}
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
KEPT_ERRORS = {400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}


def of_type(resource_type: str) -> list[dict[str, Any]]:
    return [one["Properties"] for one in RESOURCES.values() if one["Type"] == resource_type]


def test_there_is_a_distribution_for_each_api_where_it_has_a_domain() -> None:
    assert {name: RESOURCES[name]["Condition"] for name in DISTRIBUTIONS} == {
        "AuthDistribution": "HasAuthDomain",
        "ResourceDistribution": "HasDomain",
    }
    assert len(TEXT.encode()) < 48_000  # of 51,200 octets that CloudFormation takes in a call


def test_an_operator_may_choose_what_the_commands_do_not_set() -> None:
    places = {"AuthDomainName", "AuthOrigin", "DomainName", "Origin"}
    assert set(EDGE["Parameters"]) == CHOSEN | places | {"OriginSecret", "OriginSecretDigest"}


def test_the_secret_is_shown_nowhere_and_used_in_one_place() -> None:
    assert EDGE["Parameters"]["OriginSecret"]["NoEcho"] is True
    assert "Default" not in EDGE["Parameters"]["OriginSecret"]
    for config in DISTRIBUTIONS.values():
        (origin,) = config["Origins"]
        (header,) = origin["OriginCustomHeaders"]
        assert header == {"HeaderName": "x-origin-verify", "HeaderValue": {"Ref": "OriginSecret"}}
    assert str(EDGE).count("{'Ref': 'OriginSecret'}") == len(DISTRIBUTIONS)
    assert "${OriginSecret}" not in TEXT  # in no text that is put together


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_distribution_speaks_the_newest_that_clients_speak(name: str) -> None:
    config = DISTRIBUTIONS[name]
    assert (config["HttpVersion"], config["IPV6Enabled"]) == ("http2and3", True)
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2025"
    assert config["WebACLId"] == {"Fn::GetAtt": ["WebAcl", "Arn"]}
    (origin,) = config["Origins"]
    assert origin["CustomOriginConfig"] == {"OriginProtocolPolicy": "https-only", "OriginSSLProtocols": ["TLSv1.2"]}
    assert {one["ViewerProtocolPolicy"] for one in behaviours(config)} == {"https-only"}
    assert "Logging" not in config  # the old log has queries in it


def behaviours(config: dict[str, Any]) -> list[dict[str, Any]]:
    return [config["DefaultCacheBehavior"], *config["CacheBehaviors"]]


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_only_documents_for_everybody_are_kept_and_no_error(name: str) -> None:
    config = DISTRIBUTIONS[name]
    default = config["DefaultCacheBehavior"]
    assert (default["CachePolicyId"], default["Compress"]) == (CACHING_DISABLED, False)
    paths = {one["PathPattern"] for one in config["CacheBehaviors"]}
    assert paths <= {"/.well-known/*", "/resource-metadata"}
    assert {one["ErrorCode"] for one in config["CustomErrorResponses"]} == KEPT_ERRORS
    assert {one["ErrorCachingMinTTL"] for one in config["CustomErrorResponses"]} == {0}
    (policy,) = of_type("AWS::CloudFront::CachePolicy")
    kept = policy["CachePolicyConfig"]
    assert (kept["MinTTL"], kept["DefaultTTL"]) == (0, 0)
    key = kept["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["HeadersConfig"] == {"HeaderBehavior": "whitelist", "Headers": ["Host"]}
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "all"}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_everything_that_functions_need_is_passed_on(name: str) -> None:
    """All headers of the viewer, Authorization among them, which can be passed on in no other way without a cache; and
    the viewer's address by a header that CloudFront sets itself."""
    (policy,) = of_type("AWS::CloudFront::OriginRequestPolicy")
    assert policy["OriginRequestPolicyConfig"] | {"Name": "", "Comment": ""} == {
        "Name": "",
        "Comment": "",
        "HeadersConfig": {
            "HeaderBehavior": "allViewerAndWhitelistCloudFront",
            "Headers": ["CloudFront-Viewer-Address"],
        },
        "CookiesConfig": {"CookieBehavior": "all"},
        "QueryStringsConfig": {"QueryStringBehavior": "all"},
    }
    for behaviour in behaviours(DISTRIBUTIONS[name]):
        assert behaviour["OriginRequestPolicyId"] == {"Ref": "OriginRequestPolicy"}
        assert set(behaviour["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"}


def test_no_log_has_what_may_be_a_secret() -> None:
    """Queries have codes, paths the secrets of mails' links; WAF's samples have whole requests."""
    deliveries = of_type("AWS::Logs::Delivery")
    assert len(deliveries) == len(DISTRIBUTIONS)
    for delivery in deliveries:
        secret = {"cs-uri-query", "cs-uri-stem", "cs(Cookie)", "cs(Referer)", "cs-headers", "cs-header-names"}
        assert {"c-ip", "sc-status", "x-edge-request-id"} <= set(delivery["RecordFields"])
        assert not secret & set(delivery["RecordFields"])
    assert EDGE["Parameters"]["AccessLogs"]["Default"] == "Off"
    assert "SampledRequestsEnabled: true" not in TEXT
    assert TEXT.count("SampledRequestsEnabled: false") == 1 + len(rules())


def rules() -> list[dict[str, Any]]:
    """Those of the web ACL, the optional one among them."""
    (acl,) = of_type("AWS::WAFv2::WebACL")
    return [one["Fn::If"][1] if "Fn::If" in one else one for one in acl["Rules"]]


def test_the_rules_count_addresses_and_let_requests_of_oauth_through() -> None:
    by_address, sign_ins, common = rules()
    for rule, parameter in ((by_address, "RequestsPerAddress"), (sign_ins, "SignInsPerAddress")):
        rate = rule["Statement"]["RateBasedStatement"]
        assert (rate["AggregateKeyType"], rate["Limit"]) == ("IP", {"Ref": parameter})
        assert rule["Action"]["Block"]["CustomResponse"]["ResponseCode"] == 429
    assert EDGE["Parameters"]["ManagedRules"]["Default"] == "Count"
    assert common["OverrideAction"] == {"Fn::If": ["BlocksByManagedRules", {"None": {}}, {"Count": {}}]}
    group = common["Statement"]["ManagedRuleGroupStatement"]
    counted = {one["Name"] for one in group["RuleActionOverrides"] if one["ActionToUse"] == {"Count": {}}}
    # http://127.0.0.1 as a redirect URI, long requests, and clients without a User-Agent.
    assert {"GenericRFI_QUERYARGUMENTS", "SizeRestrictions_QUERYSTRING", "NoUserAgent_HEADER"} <= counted


def test_names_have_room_for_the_longest_name_of_an_edge() -> None:
    """CloudFront takes 128 characters for the name of a policy, and CloudWatch Logs 60 for what it delivers."""
    named = re.findall(r" Name: !Sub \$\{AWS::StackName\}(\S+)", TEXT)
    assert max(map(len, named)) + LONGEST == 128
    for kind in ("DeliveryDestination", "DeliverySource"):
        assert all("StackName" not in str(one["Name"]) for one in of_type(f"AWS::Logs::{kind}"))
