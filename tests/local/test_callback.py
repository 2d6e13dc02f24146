"""The page of the development server that stands for an application's redirect URI."""

import pytest

from local.callback import beside
from local.errors import RefusedError
from local.http_server import Request, Response
from tests.development import DevelopmentServer

from .conftest import Project


def ask(query: str, path: str = "/callback", method: str = "GET") -> Response:
    return beside(lambda _: Response(418))(Request(method, path, query, "HTTP/1.1", (), b"", "127.0.0.1"))


def test_a_code_is_shown_as_a_line_for_the_shell() -> None:
    answer = ask("code=ac_x-1&state=s&iss=http%3A%2F%2Flocalhost%3A3000")
    assert answer.status == 200
    page = answer.body.decode()
    assert "<pre>CODE=ac_x-1</pre>" in page
    assert "<dt>iss</dt><dd>http://localhost:3000</dd>" in page


def test_an_error_is_shown_without_a_line_for_the_shell() -> None:
    page = ask("error=access_denied&state=s").body.decode()
    assert "access_denied" in page
    assert "CODE=" not in page


@pytest.mark.parametrize("code", ["x;id", "$(id)", "<script>", "a%0Aid", ""])
def test_a_code_that_a_shell_would_run_is_no_line(code: str) -> None:
    page = ask(f"code={code}").body.decode()
    assert "CODE=" not in page
    assert "<script" not in page


def test_other_requests_are_the_apis() -> None:
    assert [ask("", path).status for path in ("/callback/", "/call", "/")] == [418] * 3
    assert ask("", method="POST").status == 418


def test_a_route_where_the_page_is_is_refused(project: Project) -> None:
    project.replace("Path: /only-get,", "Path: /callback,")
    with pytest.raises(RefusedError, match="/callback"), DevelopmentServer(template=project.template):
        pass
