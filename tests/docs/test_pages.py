"""What docs/ says is what the code says."""

import re
import time
from uuid import UUID

import pytest
from click import Context, Group
from samtranslator.yaml_helper import yaml_parse

from authserver.aws import log
from authserver_cli.__main__ import main
from scripts.costs import (
    CHECKS,
    LOG_OCTETS,
    MEMORY,
    REFRESHES,
    SIGN_IN,
    SIGN_INS,
    WEB_ACL_RULES,
    cost_page,
    edge_fixed,
    readme,
)
from scripts.deploy import SWITCHED_ON
from scripts.edge import COSTS
from scripts.event_pages import event_page, event_schemas
from scripts.on_call import on_call_page
from scripts.write_docs import ROOT, differences_page, openapi_page, settings_page
from tests.coldstart.warm import FLOWS
from tests.conformance import DOCUMENT, MATRIX

README, ENDPOINTS = ROOT / "README.md", ROOT / "docs" / "endpoints.md"


def test_settings_page_is_what_the_template_says() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == settings_page(), "run `make docs`"


def test_development_server_page_is_what_the_server_prints() -> None:
    assert (ROOT / "docs" / "development-server.md").read_text() == differences_page(), "run `make docs`"


def test_page_for_those_on_call_is_what_the_reasons_mean() -> None:
    assert (ROOT / "docs" / "operations" / "on-call.md").read_text() == on_call_page(), "run `make docs`"


@pytest.mark.parametrize("page", ["alarms.md", "on-call.md"])
def test_commands_for_those_on_call_exist(page: str) -> None:
    """What these pages name in passing; those of runbooks are run."""
    named = re.findall(r"`authserver ([a-z-]+) ([a-z-]+)", (ROOT / "docs" / "operations" / page).read_text())
    assert named
    for group, command in named:
        found = main.get_command(Context(main), group)
        assert isinstance(found, Group)
        assert command in found.commands, f"authserver {group} {command}"


def test_openapi_document_is_what_the_operations_say() -> None:
    assert (ROOT / "docs" / "openapi.json").read_text() == openapi_page(), "run `make docs`"


def test_conformance_matrix_is_what_the_tests_carry(request: pytest.FixtureRequest) -> None:
    chosen = request.config.args_source.name != "TESTPATHS" or request.config.getoption("keyword")
    if chosen:
        pytest.skip("only the whole suite has all the marks")
    assert DOCUMENT.read_text() == request.config.stash[MATRIX], "run `make docs`"


def test_endpoint_table_is_what_the_template_routes() -> None:
    """Every route of the template is in the table, or beneath one that says so; every path there is routed."""
    template = (ROOT / "template.yaml").read_text()
    paths = [quoted or plain for quoted, plain in re.findall(r'\bPath: (?:"(/[^"]+)"|(/[^\s,}]+))', template)]
    routed = {path.partition("/{")[0] or path for path in paths}
    table = ENDPOINTS.read_text().partition("## Table")[2]
    cells = [row.partition("| ")[2].partition(" | ")[0] for row in table.splitlines()]
    named = {path for cell in cells for path in re.findall(r"`(/[^`]+)`", cell)}
    tops = {path for cell in cells if "beneath" in cell for path in re.findall(r"`(/[^`]+)`", cell)}
    assert {path for path in named - routed if not any(one.startswith(f"{path}/") for one in routed)} == set()
    assert {path for path in routed if not any(path.startswith(f"{top}/") for top in tops)} <= named


def test_cost_page_is_what_the_formula_says() -> None:
    assert (ROOT / "docs" / "cost.md").read_text() == cost_page(), "run `make docs`"


def test_the_page_and_the_schemas_of_events_are_those_of_the_types() -> None:
    assert (ROOT / "docs" / "events.md").read_text() == event_page(), "run `make docs`"
    assert (ROOT / "docs" / "events.schema.json").read_text() == event_schemas(), "run `make docs`"


def test_the_readme_has_the_table_of_costs() -> None:
    text = README.read_text()
    assert text == readme(text), "run `make docs`"
    assert f"signs in {SIGN_INS} times, refreshes tokens {REFRESHES} times and makes {CHECKS} API calls" in " ".join(
        text.split()
    )


def test_the_readmes_measured_numbers_are_those_of_the_tests() -> None:
    """Counts are what the benchmark prints and the tests assert; what grows is at least what the README says."""
    numbers = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \| `", README.read_text(), re.MULTILINE))
    assert numbers["DynamoDB calls of a warm client credentials request"] == str(
        FLOWS["client_credentials"].round_trips
    )
    both = {FLOWS["code exchange"].round_trips, FLOWS["refresh"].round_trips}
    assert {numbers["DynamoDB calls of a warm code exchange, or of a refresh"]} == {str(one) for one in both}
    check = numbers["DynamoDB calls of a check by the authorizer, revocation included"]
    assert check == str(FLOWS["authorizer"].round_trips)
    sections = re.findall(r"^\| [^|]+ \| `", DOCUMENT.read_text(), re.MULTILINE)
    assert len(sections) > int(numbers["sections of specifications that tests cover"].split()[2].strip(","))
    shown = (ROOT / "docs" / "clients.md").read_text()
    told = numbers["client libraries that sign in, at pinned versions"]
    libraries = set(re.findall(r"^\| `([^`]+)` \| \S+ \| .* \| works \|", shown, re.MULTILINE))
    assert len(libraries) >= int(told.split(",")[0])
    suites = set(re.findall(r"^\| `([^`]+)` \| \S+ \| .* \| passes \|", shown, re.MULTILINE))
    assert ("@modelcontextprotocol/conformance" in suites) == ("the MCP conformance suite" in told)
    assert not libraries & suites


def test_a_log_line_is_as_long_as_the_costs_say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a user at a client, as Lambda writes it, with the 26 octets that CloudWatch adds to each; to ten percent."""
    monkeypatch.setenv("METRICS_NAMESPACE", "Authserver/authserver")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0")
    identifier = str(UUID(int=1))
    monkeypatch.setattr(log, "told", {"client_id": identifier, "subject": str(UUID(int=2))})
    log._latency.cache_clear()
    try:
        log.write_request("/token", "POST", 200, "ok", identifier, time.perf_counter() - 0.012)
    finally:
        log._latency.cache_clear()
    assert LOG_OCTETS * 0.9 < len(capsys.readouterr().out.rstrip("\n").encode()) + 26 <= LOG_OCTETS
    for page in ("deploy.md", "operations/quotas.md"):
        assert f"about {LOG_OCTETS} octets" in (ROOT / "docs" / page).read_text(), page


def test_the_cost_page_names_what_each_choice_costs() -> None:
    """With the prices that `make deploy` prints."""
    [said] = re.findall(r"^- What you turn on is .*?(?=^- )", cost_page(), re.MULTILINE | re.DOTALL)
    for name in ("AlarmTopic", "Canary", "Deployment"):
        assert f"`{name}`" in said
        for price in re.findall(r"\$[\d.]+", SWITCHED_ON[name].partition(":")[0]):
            assert price in said, (name, price)
    assert "dashboard $3.00" in said
    assert "$3.00 for the dashboard" in SWITCHED_ON["AlarmTopic"]


def test_what_the_edge_costs_is_said_as_make_edge_says_it() -> None:
    [page] = re.findall(r"^## Behind CloudFront\n(.*?)^## ", cost_page(), re.MULTILINE | re.DOTALL)
    prices = set(re.findall(r"\$\d+\.\d+", COSTS))
    assert len(prices) == 4
    assert prices <= set(re.findall(r"\$\d+\.\d+", page))
    rules = yaml_parse((ROOT / "stacks" / "edge.yaml").read_text())["Resources"]["WebAcl"]["Properties"]["Rules"]
    assert len(rules) == WEB_ACL_RULES
    assert f"its {WEB_ACL_RULES} rules" in COSTS.replace("\n", " ")
    assert f"${edge_fixed():.0f} a month without requests" in (ROOT / "docs" / "deploy.md").read_text()


def test_every_kind_of_request_has_the_memory_of_its_function() -> None:
    assert set(MEMORY) >= {FLOWS[flow].function for flow in SIGN_IN}
    assert MEMORY["login"] > MEMORY["token"]
