"""Where a service is: the same as botocore's own rules say, or not for this client."""

import itertools
from collections.abc import Iterator, Mapping

import botocore.session
import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError

from authserver.aws.lean.endpoints import Endpoint, Unsupported, endpoint

KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
ACCOUNT = "123456789012"
LOADER = botocore.session.get_session().get_component("data_loader")
PARTITIONS = LOADER.load_data("partitions")
REGIONS = [(one["id"], region) for one in PARTITIONS["partitions"] for region in one["regions"]]
SWITCHES = list(itertools.product([False, True], [False, True]))


def of(service: str = "dynamodb", **environ: str) -> Endpoint:
    return endpoint(service, {"AWS_DEFAULT_REGION": "eu-central-1", **KEYS, **environ})


def found(service: str, environ: Mapping[str, str]) -> str | None:
    """The URL that this client takes, or None where it leaves the service to boto3."""
    try:
        told = endpoint(service, environ)
    except Unsupported:
        return None
    return f"{'https' if told.tls else 'http'}://{told.authority}"


def expected(provider: EndpointProvider, **parameters: str | bool) -> str | None:
    """The URL that botocore's rules lead to, or None where they are an error."""
    try:
        return str(provider.resolve_endpoint(**parameters).url)
    except BotoCoreError:
        return None


def environments(fips: bool, dual_stack: bool) -> Iterator[dict[str, str]]:
    switches = {"AWS_USE_FIPS_ENDPOINT": str(fips).lower(), "AWS_USE_DUALSTACK_ENDPOINT": str(dual_stack).title()}
    for mode, account in itertools.product(["", "preferred", "disabled", "required"], ["", ACCOUNT]):
        yield switches | KEYS | {"AWS_ACCOUNT_ID_ENDPOINT_MODE": mode, "AWS_ACCOUNT_ID": account}


@pytest.mark.parametrize("service", ["dynamodb", "kms"])
@pytest.mark.parametrize(("fips", "dual_stack"), SWITCHES)
def test_an_endpoint_is_the_one_of_botocores_rules_or_nobodys(service: str, fips: bool, dual_stack: bool) -> None:
    """For every region of every partition, with and without an account of one's own."""
    provider = EndpointProvider(LOADER.load_service_model(service, "endpoint-rule-set-1"), PARTITIONS)
    for (partition, region), environ in itertools.product(REGIONS, environments(fips, dual_stack)):
        parameters: dict[str, str | bool] = {"Region": region, "UseFIPS": fips, "UseDualStack": dual_stack}
        if service == "dynamodb":
            parameters["AccountIdEndpointMode"] = environ["AWS_ACCOUNT_ID_ENDPOINT_MODE"] or "preferred"
            if environ["AWS_ACCOUNT_ID"]:
                parameters["AccountId"] = environ["AWS_ACCOUNT_ID"]
        is_ours = partition == "aws" and not region.endswith("-global")
        assert found(service, environ | {"AWS_DEFAULT_REGION": region}) == (
            expected(provider, **parameters) if is_ours else None
        )


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000"}, "http://127.0.0.1:8000"),
        ({"AWS_ENDPOINT_URL": "http://localhost:4566/"}, "http://localhost:4566"),
        ({"AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://b:2"}, "http://b:2"),
        ({"AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_KMS": "http://b:2"}, "http://a:1"),
        ({"AWS_ENDPOINT_URL": "http://local-stack:80"}, "http://local-stack"),
        ({"AWS_ENDPOINT_URL": "https://vpce-1.dynamodb.example.com:443"}, "https://vpce-1.dynamodb.example.com"),
        ({"AWS_ENDPOINT_URL": "https://a:80"}, "https://a:80"),
        (
            {"AWS_ENDPOINT_URL": "http://a:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"},
            "https://dynamodb.eu-central-1.amazonaws.com",
        ),
        ({"AWS_ENDPOINT_URL": "http://a:1", "AWS_DEFAULT_REGION": "us-gov-west-1"}, "http://a:1"),
    ],
)
def test_an_endpoint_of_ones_own_is_botocores(
    environ: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = {"AWS_DEFAULT_REGION": "eu-central-1", **KEYS, **environ}
    for name, value in everything.items():
        monkeypatch.setenv(name, value)
    client = botocore.session.Session().create_client("dynamodb")
    assert found("dynamodb", everything) == url
    assert client.meta.endpoint_url.rstrip("/").removesuffix(":443").removesuffix(":80") == url.removesuffix(":80")


@pytest.mark.parametrize(
    "environ",
    [
        {"AWS_DEFAULT_REGION": ""},
        {"AWS_DEFAULT_REGION": "eu-central-1\r\nx: y"},
        {"AWS_DEFAULT_REGION": "moon-base-1"},
        {"AWS_ENDPOINT_URL": "http://a:1/path"},
        {"AWS_ENDPOINT_URL": "http://user@a:1"},
        {"AWS_ENDPOINT_URL": "http://a:1?query"},
        {"AWS_ENDPOINT_URL": "http://[::1]:8000"},
        {"AWS_ENDPOINT_URL": "http://a:0"},
        {"AWS_ENDPOINT_URL": "http://a:65536"},
        {"AWS_ENDPOINT_URL": "http://local_stack"},
        {"AWS_ENDPOINT_URL": "http://a..b"},
        {"AWS_ENDPOINT_URL": f"http://{'a' * 64}.com"},
        {"AWS_ENDPOINT_URL": "ftp://a"},
        {"AWS_ENDPOINT_URL": "http://a:1", "AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_ENDPOINT_URL": "http://a:1", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"AWS_ACCOUNT_ID_ENDPOINT_MODE": "sometimes"},
        {"AWS_ACCOUNT_ID": "somebody's"},
        {"AWS_PROFILE": "mine"},
        {"AWS_DEFAULT_PROFILE": "mine"},
        {"AWS_CONFIG_FILE": "/etc/aws"},
        {"HTTPS_PROXY": "http://proxy:3128"},
        {"https_proxy": "http://proxy:3128"},
        {"ALL_PROXY": "http://proxy:3128"},
        {"AWS_ENDPOINT_URL": "http://a:1", "http_proxy": "http://proxy:3128"},
    ],
)
def test_what_is_not_known_is_left_to_boto3(environ: dict[str, str]) -> None:
    with pytest.raises(Unsupported):
        of(**environ)


def test_a_proxy_for_others_is_no_matter() -> None:
    assert of(HTTP_PROXY="http://proxy:3128", NO_PROXY="*").tls


def test_the_region_is_botocores_variable_or_else_that_of_all_the_others() -> None:
    """Lambda sets both alike."""
    assert of(AWS_DEFAULT_REGION="us-east-1", AWS_REGION="us-west-2").region == "us-east-1"
    assert of(AWS_DEFAULT_REGION="", AWS_REGION="us-west-2").region == "us-west-2"


def test_the_account_of_other_credentials_is_not_taken() -> None:
    """botocore takes the account together with the keys, from where it takes those."""
    environ = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCOUNT_ID": ACCOUNT}
    assert endpoint("dynamodb", environ).host == "dynamodb.eu-central-1.amazonaws.com"


def test_the_account_has_no_say_in_other_services() -> None:
    assert of("kms", AWS_ACCOUNT_ID=ACCOUNT).host == "kms.eu-central-1.amazonaws.com"
