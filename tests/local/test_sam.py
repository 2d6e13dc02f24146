"""What `sam local` makes of the template: it must find the authorizer, or it would let every call pass."""

from pathlib import Path

import pytest

from local.sam import unaliased

ROOT = Path(__file__).parent.parent.parent
METADATA = "/.well-known/oauth-protected-resource"
OPEN = {"/openapi.json", METADATA, f"{METADATA}/{{path+}}"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of SAM's own code
def test_every_route_of_the_resource_api_has_its_authorizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Here, since every worker collects this file and one runs it, and they take half a second.
    from samcli.lib.providers.api_provider import ApiProvider
    from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    (tmp_path / "stacks").symlink_to(ROOT / "stacks")
    (tmp_path / "template.yaml").write_text(unaliased((ROOT / "template.yaml").read_text()))
    stacks, _ = SamLocalStackProvider.get_stacks(str(tmp_path / "template.yaml"))
    routes = [route for route in ApiProvider(stacks).api.routes if route.event_type == "Api" and route.function_name]
    assert {route.function_name for route in routes} >= {"AdminFunction", "AccountFunction", "PartnerFunction"}
    assert {route.path for route in routes if route.authorizer_name is None} <= OPEN  # the other API may have some


def test_a_variable_that_a_function_does_not_have_is_left_out() -> None:
    written = "A:\n  AUDIT_DAYS: !Ref AWS::NoValue\n  ISSUER: x\n"
    built = "A:\n  AUDIT_DAYS:\n    Ref: AWS::NoValue\n  ISSUER: x\n"
    assert unaliased(written) == unaliased(built) == "A:\n  ISSUER: x\n"
