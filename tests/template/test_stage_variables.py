"""The variables of the stages, which functions of an earlier release read after `make rollback`: aliases go back, and
stages stay as the newest deployment made them."""

import re
from collections.abc import Mapping

import pytest

from authserver.aws.apigateway import NO_EDGE
from tests.template.test_domains import AUTH_DIGESTS, BOTH, DIGESTS, EDGES, Stack
from tests.template.written import Written

URL = r"https://\S+"
FORMS: Mapping[str, str] = {
    "edge_secret_digests": rf"{NO_EDGE}|[0-9a-f]{{64}}(,[0-9a-f]{{64}})?",
    "issuer": URL,
    "realm": r"[A-Za-z0-9._-]+",
    "resource": URL,
    "routes": "RouteScopes",
}
"""What every function that reads a variable of this name understands. A form does not change: a variable of another
form gets another name, which earlier functions ignore."""

FORMER: Mapping[str, str] = {"origin_secrets": r"[0-9a-f]{64}(,[0-9a-f]{64})?"}
"""The same of the names that earlier functions read, and present ones do not: they had no word for no edge."""

PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "none": {},
    "domains": BOTH,
    "edges": {**BOTH, **EDGES},
    "one secret": {**BOTH, **EDGES, **AUTH_DIGESTS},
    "secrets": {**BOTH, **EDGES, **AUTH_DIGESTS, **DIGESTS},
}


def variables_of(stack: Stack) -> list[Mapping[str, str]]:
    return [
        stack.properties("AuthorizationApiApiGatewayDefaultStage")["StageVariables"],
        stack.properties("ResourceApiv1Stage")["Variables"],
    ]


@pytest.mark.parametrize("parameters", PARAMETERS.values(), ids=PARAMETERS)
def test_earlier_functions_understand_each_variable_of_a_stage_or_ignore_it(
    parameters: Mapping[str, str], written: Written
) -> None:
    for variables in variables_of(Stack(written, parameters)):
        known = {**FORMS, **FORMER}
        assert {name: value for name, value in variables.items() if not re.fullmatch(known[name], value)} == {}


def earlier_functions_require_a_secret(variables: Mapping[str, str]) -> bool:
    """As the functions read it that knew no word for no edge."""
    return bool(variables.get("origin_secrets"))


@pytest.mark.parametrize("name", ["none", "domains", "edges"])
def test_a_stage_without_a_secret_asks_earlier_functions_for_none(name: str, written: Written) -> None:
    """They would take any word for the digest of a secret, and refuse every request."""
    stages = variables_of(Stack(written, PARAMETERS[name]))
    assert not any(map(earlier_functions_require_a_secret, stages))


def test_every_variable_has_a_form_and_none_a_former_name(written: Written) -> None:
    names = {name for one in PARAMETERS.values() for each in variables_of(Stack(written, one)) for name in each}
    assert names == set(FORMS)
    assert not FORMS.keys() & FORMER.keys()
