"""`ROUTE_SCOPES`, as the template writes it."""

import pytest

from authserver.settings import _parse_route_scopes


def test_a_path_with_two_scopes_asks_the_first_for_reading_and_the_second_for_all_else() -> None:
    in_full = "GET /items/...=items.read, ANY /items/...=items.write, POST /orders="
    assert _parse_route_scopes("/items/...=items.read|items.write, POST /orders=") == _parse_route_scopes(in_full)
    assert _parse_route_scopes(in_full) == {
        "GET /items/...": "items.read",
        "ANY /items/...": "items.write",
        "POST /orders": "",
    }


@pytest.mark.parametrize("text", ["/items=read", "GET /items=read|write", "GET /items", "=read", "/items"])
def test_an_entry_of_another_form_stops_the_function_from_starting(text: str) -> None:
    with pytest.raises(ValueError, match="ROUTE_SCOPES"):
        _parse_route_scopes(f"GET /me=, {text}")
