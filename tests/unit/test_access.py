"""The authorizer's decision: which calls pass, which are told what, and what rubbish costs."""

import pytest

from authserver.errors import InsufficientScope, InvalidRequest, InvalidToken, OAuthError
from authserver.tokens import opaque
from tests.fakes import RESOURCE, client, public_client
from tests.unit.server import App, Browser, Server


@pytest.fixture(params=["jwt", "opaque"])
def server(request: pytest.FixtureRequest) -> Server:
    return Server(client(access_token_format=request.param), public_client())


# ------------------------------------------------------------------ scope and transport


@pytest.mark.rfc("6750", "3.1")
def test_token_passes_where_its_scope_suffices_and_nowhere_else(server: Server) -> None:
    response = App(server).tokens(scope="openid read")
    assert server.access(response.access_token, "GET /items")
    assert server.access(response.access_token, "GET /any")
    with pytest.raises(InsufficientScope) as refusal:
        server.access(response.access_token, "POST /items")
    assert refusal.value.scope == "write"


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.parametrize("route", ["", "GET /unknown", "get /items", "GET /items/", "DELETE /items"])
def test_route_that_nobody_named_is_covered_by_no_token(server: Server, route: str) -> None:
    response = App(server).tokens()
    with pytest.raises(InsufficientScope) as refusal:
        server.access(response.access_token, route)
    assert refusal.value.reason == "route_unknown"


@pytest.mark.rfc("6750", "3.1")
def test_default_route_stands_for_every_other() -> None:
    server = Server(route_scopes={"$default": "write", "GET /items": "read"})
    response = App(server).tokens(scope="read")
    assert server.access(response.access_token, "GET /items")
    with pytest.raises(InsufficientScope):
        server.access(response.access_token, "GET /unknown")


@pytest.mark.rfc("6750", "3.1")
def test_entry_of_the_root_stands_for_every_route_of_its_method() -> None:
    server = Server(route_scopes={"ANY /...": "write", "GET /...": "", "GET /items/...": "read", "$default": ""})
    none = App(server).tokens(scope="openid").access_token
    for route in ("GET /", "GET /unknown", "GET /unknown/deep"):
        assert server.access(none, route)
    for route in ("POST /", "POST /items", "DELETE /unknown/deep", "GET /items/deep", "GET /items"):
        with pytest.raises(InsufficientScope):
            server.access(none, route)
    assert server.access(App(server).tokens(scope="write").access_token, "POST /unknown/deep")


@pytest.mark.rfc("6750", "3.1")
def test_entry_for_any_method_of_a_path_stands_for_that_very_path() -> None:
    routes = {"ANY /mcp": "read", "DELETE /mcp": "write", "ANY /...": "write", "GET /mcp/...": "", "GET /...": ""}
    server = Server(route_scopes=routes)
    token = App(server).tokens(scope="read").access_token
    for route in ("GET /mcp", "POST /mcp", "ANY /mcp", "GET /mcp/deep"):
        assert server.access(token, route)
    for route in ("DELETE /mcp", "POST /mcp/deep", "POST /mcp/", "POST /other"):
        with pytest.raises(InsufficientScope):
            server.access(token, route)
    with pytest.raises(InsufficientScope):
        server.access(App(server).tokens(scope="openid").access_token, "GET /mcp")


@pytest.mark.rfc("6750", "2.1")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_scheme_is_known_in_any_case(server: Server, scheme: str) -> None:
    token = App(server).tokens().access_token.reveal()
    assert server.access("", authorization=f"{scheme} {token}")


@pytest.mark.rfc("6750", "3")
@pytest.mark.parametrize(
    "form", [None, "", "Bearer", "Bearer ", "{}", "Basic {}", "Token {}", "Bearer{}", "Bearer, {}"]
)
def test_call_without_a_bearer_token_is_refused(server: Server, form: str | None) -> None:
    token = App(server).tokens().access_token.reveal()
    with pytest.raises(InvalidToken):
        server.access("", authorization=form and form.format(token))


@pytest.mark.rfc("6750", "2.1")
@pytest.mark.parametrize("form", ["{0} {0}", "{0},{0}", '"{0}"', "{0}=", "{0}.x", "token={0}", "{0}\x00"])
def test_token_that_is_not_alone_is_refused(server: Server, form: str) -> None:
    token = App(server).tokens().access_token.reveal()
    with pytest.raises(InvalidToken):
        server.access(form.format(token))


@pytest.mark.rfc("6750", "2.3")
def test_token_in_the_query_is_read_only_where_the_operator_said_so() -> None:
    for passes in (False, True):
        server = Server(accepts_query_tokens=passes)
        token = App(server).tokens().access_token.reveal()
        if passes:
            assert server.access("", authorization=None, query_tokens=(token,))
            with pytest.raises(InvalidRequest):
                server.access(token, query_tokens=(token,))
            with pytest.raises(InvalidRequest):
                server.access("", authorization=None, query_tokens=(token, token))
        else:
            with pytest.raises(InvalidToken):
                server.access("", authorization=None, query_tokens=(token,))


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize(
    "audience",
    ["", "https://api.example/v1", "https://api.example:8443", "http://api.example", "https://other.example"],
)
def test_token_for_another_audience_is_refused(server: Server, audience: str) -> None:
    response = App(server).tokens()
    with pytest.raises(InvalidToken):
        server.access(response.access_token, audience=audience)


@pytest.mark.rfc("3986", "6.2.3")
@pytest.mark.parametrize("audience", ["https://api.example/", "https://API.example", "https://api.example:443"])
def test_audience_is_compared_in_normal_form(server: Server, audience: str) -> None:
    assert server.access(App(server).tokens().access_token, audience=audience).audience == (RESOURCE,)


@pytest.mark.rfc("6750", "5.2")
def test_credentials_of_every_other_kind_are_no_access_tokens(server: Server) -> None:
    app, browser = App(server), Browser(server)
    code = browser.code()
    response = app.exchange(code)
    for credential in (code, response.refresh_token, response.id_token, browser.session):
        assert credential is not None
        with pytest.raises(InvalidToken):
            server.access(credential)


def test_token_that_has_no_utf8_form_is_refused() -> None:
    with pytest.raises(InvalidToken):
        Server().access("a\ud800.b.c")


# ------------------------------------------------------------------ what rubbish costs


GARBAGE = ["", "x", "a.b.c", "eyJhbGciOiJFUzI1NiJ9.e30.AA", "x" * 10_000, "\x00", "ä"]
PREFIXES = ["ac_", "rt_", "at_", "se_", "rq_"]


def rubbish() -> list[str]:
    server = Server(rings=False)  # of another deployment, or of keys long gone
    sealed = []
    for kind in (opaque.CODE, opaque.REFRESH_TOKEN, opaque.ACCESS_TOKEN, opaque.SESSION, opaque.REQUEST):
        fields = {name: bytes(length) for name, length in kind.fields}
        sealed.append(opaque.seal(kind, server.services.keys.token_key("token"), **fields))
    foreign = App(Server(client(), rings=False)).token("client_credentials", scope="read").access_token.reveal()
    return [*GARBAGE, *(prefix + text for prefix in PREFIXES for text in GARBAGE), *sealed, foreign]


@pytest.mark.rfc("6749", "10.10")
def test_garbage_of_any_kind_costs_no_call_beyond_the_client() -> None:
    server = Server(accepts_query_tokens=True)
    server.warm_up()
    app, browser = App(server), Browser(server)
    for text in rubbish():
        with pytest.raises(InvalidToken):
            server.access(text)
        browser.secrets[text] = text
        for page in (browser.login_page, browser.consent_page):
            with pytest.raises(OAuthError):
                page(text)
        assert server.calls.total() == 0
        for grant_type, parameter in (("authorization_code", "code"), ("refresh_token", "refresh_token")):
            with pytest.raises(OAuthError):
                app.token(grant_type, (), **{parameter: text})
        assert app.introspect(text) == {"active": False}
        if not text.startswith("ac_"):
            app.revoke(text)
        browser.session = text
        browser.authorize(prompt="none")
        assert set(server.calls) == {"clients.find", "tokens.standing", "journal.note_refusal"}
        assert server.calls["clients.find"] == 1  # the authorization endpoint's
        assert server.calls["tokens.standing"] == (3 if text.startswith("ac_") else 4)  # each reads the client with it
        server.calls.clear()


# ------------------------------------------------------------------ round trips (ARCHITECTURE section 4)


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
def test_warm_calls_of_each_flow_keep_to_the_budget(token_format: str) -> None:
    server = Server(client(access_token_format=token_format))
    server.warm_up()
    app, browser = App(server), Browser(server)
    stored = {"tokens.put_access_token": 1} if token_format == "opaque" else {}
    browser.code()

    def cost() -> dict[str, int]:
        calls = dict(server.calls)
        server.calls.clear()
        return calls

    cost()
    code = browser.code()
    assert cost() == {"clients.find": 1, "browsers.browser_state": 1, "tokens.create": 1}
    response = app.exchange(code)
    assert cost() == {"tokens.standing": 1, "tokens.redeem": 1, **stored}
    response = app.refresh(response.refresh_token)
    assert cost() == {"tokens.standing": 1, "tokens.rotate": 1, **stored}
    server.access(response.access_token)
    assert cost() == {"tokens.standing": 1}
    app.introspect(response.access_token)
    assert cost() == {"tokens.standing": 1}  # of the caller and of the token together
    app.introspect(response.refresh_token)
    assert cost() == {"tokens.standing": 1}
    app.token("client_credentials", scope="read")
    assert cost() == {"tokens.standing": 1, **stored}
    app.revoke(response.access_token)
    revoked = "revoke_opaque" if token_format == "opaque" else "revoke_access_token"
    assert cost() == {"tokens.standing": 1, f"revocations.{revoked}": 1}
    app.revoke(response.refresh_token)
    assert cost() == {"tokens.standing": 1, "revocations.revoke": 1}
