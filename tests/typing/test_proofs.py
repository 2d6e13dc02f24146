"""Values that prove that something was checked are made by the one function that checks it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import authserver

ROOT = Path(authserver.__file__).parent
FUNCTIONS = ROOT.parent.parent.parent / "functions"
MAKERS = {
    "AuthenticatedClient": "client_authentication/__init__.py:authenticate",
    "RedirectTarget": "endpoints/browsers/redirection.py:resolve_redirect",
    "Continuation": "endpoints/browsers/continuation.py:resolve_continue",
    "PostLogoutTarget": "endpoints/browsers/logout.py:resolve_post_logout_redirect",
    "ValidatedAuthorizationRequest": "endpoints/browsers/validation.py:validate",
}


def calls_of(name: str) -> Iterator[str]:
    """``file:function`` of each call of `name` in the layer and the functions."""
    for path in [*ROOT.rglob("*.py"), *FUNCTIONS.rglob("*.py")]:
        place = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                        yield f"{place}:{function.name}"


@pytest.mark.parametrize(("proof", "maker"), MAKERS.items())
def test_proof_is_made_in_one_place(proof: str, maker: str) -> None:
    assert set(calls_of(proof)) == {maker}
