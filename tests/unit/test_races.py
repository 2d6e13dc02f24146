"""Many uses of one token at once: the invariants I1 to I10 of SECURITY section 5, through the token endpoint."""

import pytest

from authserver.errors import InvalidGrant, InvalidToken, OAuthError
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import ConsentPage, GoTo
from authserver.messages.token import TokenResponse
from authserver.tokens import opaque
from authserver.values import base64url
from tests.fakes import client
from tests.unit.server import App, Browser, Server, all_at_once

CROWD = 32

type Outcome = TokenResponse | OAuthError


def refresh_at_once(app: App, response: TokenResponse) -> list[Outcome]:
    def attempt(_: int) -> Outcome:
        try:
            return app.refresh(response.refresh_token)
        except OAuthError as error:
            return error

    return all_at_once(attempt, CROWD)


def successes(outcomes: list[Outcome]) -> list[TokenResponse]:
    return [outcome for outcome in outcomes if isinstance(outcome, TokenResponse)]


def failures(outcomes: list[Outcome]) -> list[OAuthError]:
    return [outcome for outcome in outcomes if isinstance(outcome, OAuthError)]


@pytest.fixture(params=["jwt", "opaque"])
def app(request: pytest.FixtureRequest) -> App:
    server = Server(client(access_token_format=request.param))
    server.warm_up()
    return App(server)


@pytest.mark.rfc("9700", "4.14.2")
def test_many_refreshes_at_once_share_one_successor(app: App) -> None:
    """I1, I2, I3, I5."""
    first = app.tokens()
    outcomes = refresh_at_once(app, first)
    assert failures(outcomes) == []
    (successor,) = {response.refresh_token for response in successes(outcomes)}
    assert successor is not None
    assert app.server.authorization_of(successor).generation == 2
    assert app.refresh(successor)


@pytest.mark.rfc("9700", "4.14.2")
def test_many_refreshes_at_once_give_access_tokens_of_one_grant(app: App) -> None:
    """I6."""
    first = app.tokens()
    tokens = [app.server.access(one.access_token) for one in successes(refresh_at_once(app, first))]
    assert len({token.jti for token in tokens}) == CROWD
    assert {(token.subject, token.client_id, token.authorization_id) for token in tokens} == {
        ("sub-of-alice", "web", app.server.authorization_of(first.refresh_token or "").id)
    }
    assert {token.scope for token in tokens} == {first.scope}


@pytest.mark.rfc("9700", "4.14.2")
def test_many_refreshes_at_once_on_a_strict_server_succeed_at_most_once(app: App) -> None:
    """I1 strict, I4, I5: the second caller counts as a thief, and the family is ended."""
    strict = Server(client(), refresh_token_grace=0)
    strict.warm_up()
    web = App(strict)
    first = web.tokens()
    outcomes = refresh_at_once(web, first)
    assert len(successes(outcomes)) == 1
    assert {type(error) for error in failures(outcomes)} == {InvalidGrant}
    (winner,) = successes(outcomes)
    assert strict.authorization_of(winner.refresh_token or "").revoked_at is not None
    with pytest.raises(InvalidGrant):
        web.refresh(winner.refresh_token)
    with pytest.raises(InvalidToken):
        strict.access(winner.access_token)


@pytest.mark.rfc("9700", "4.14.2")
@pytest.mark.parametrize("ago", [2, 3])
def test_many_uses_of_an_old_refresh_token_end_the_family_for_good(app: App, ago: int) -> None:
    """I4."""
    responses = [app.tokens()]
    for _ in range(ago):
        responses.append(app.refresh(responses[-1].refresh_token))
    outcomes = refresh_at_once(app, responses[0])
    assert successes(outcomes) == []
    assert {type(error) for error in failures(outcomes)} == {InvalidGrant}
    revoked_at = app.server.authorization_of(responses[-1].refresh_token or "").revoked_at
    assert revoked_at is not None
    app.server.clock.advance(1)
    assert successes(refresh_at_once(app, responses[-1])) == []
    assert app.server.authorization_of(responses[-1].refresh_token or "").revoked_at == revoked_at


@pytest.mark.rfc("7009", "2.1")
def test_revocation_among_refreshes_ends_what_they_made(app: App) -> None:
    """I7."""
    first = app.tokens()

    def take_part(number: int) -> Outcome | None:
        if number == CROWD // 2:
            app.revoke(first.refresh_token)
            return None
        try:
            return app.refresh(first.refresh_token)
        except OAuthError as error:
            return error

    outcomes = [outcome for outcome in all_at_once(take_part, CROWD) if outcome is not None]
    assert {type(error) for error in failures(outcomes)} <= {InvalidGrant}
    for response in (first, *successes(outcomes)):
        with pytest.raises(InvalidToken):
            app.server.access(response.access_token)
        with pytest.raises(InvalidGrant):
            app.refresh(response.refresh_token)


@pytest.mark.rfc("6749", "10.4")
def test_many_rounds_at_once_never_move_the_absolute_end(app: App) -> None:
    """I8, I10."""
    response = app.tokens()
    before = app.server.authorization_of(response.refresh_token or "")
    for generation in range(2, 6):
        app.server.clock.advance(100)
        response = successes(refresh_at_once(app, response))[0]
        record = app.server.authorization_of(response.refresh_token or "")
        assert record.generation == generation
        assert record.expires_at == before.expires_at
        assert record.idle_expires_at <= record.expires_at
        assert len(repr(record)) - len(repr(before)) < 64
    assert len(app.server.tokens.every_authorization()) == 1


@pytest.mark.rfc("6749", "10.10")
def test_forged_secret_of_a_known_authorization_changes_nothing(app: App) -> None:
    """I9: even one who has the token key, but not the record's salt."""
    response = app.tokens()
    before = app.server.authorization_of(response.refresh_token or "")
    (key, *_) = app.services.keys.token_keys("token")
    identifier = opaque.unseal(opaque.REFRESH_TOKEN, (response.refresh_token or response.access_token).reveal(), (key,))
    assert identifier is not None
    for generation in range(4):
        forged = opaque.seal(
            opaque.REFRESH_TOKEN,
            key,
            authorization_id=identifier.fields["authorization_id"],
            generation=generation.to_bytes(4, "big"),
            secret=bytes(16),
        )
        with pytest.raises(InvalidGrant) as refusal:
            app.token("refresh_token", refresh_token=forged)
        assert refusal.value.reason == "refresh_not_genuine"
    assert app.server.authorization_of(response.refresh_token or "") == before
    assert base64url(identifier.fields["authorization_id"]) == before.id


@pytest.mark.rfc("6749", "4.1.2")
def test_code_redeemed_by_many_at_once_gives_one_pair_and_ends_it(app: App) -> None:
    """Exactly one wins; that the code was there twice ends what it got (SECURITY 1.4, row 49)."""
    code = Browser(app.server).code()

    def attempt(_: int) -> Outcome:
        try:
            return app.exchange(code)
        except OAuthError as error:
            return error

    outcomes = all_at_once(attempt, CROWD)
    (winner,) = successes(outcomes)
    assert {type(error) for error in failures(outcomes)} == {InvalidGrant}
    with pytest.raises(InvalidToken):
        app.server.access(winner.access_token)
    with pytest.raises(InvalidGrant):
        app.refresh(winner.refresh_token)


@pytest.mark.rfc("6749", "4.1.2")
def test_code_presented_by_many_thieves_among_them_its_owner_serves_the_owner() -> None:
    server = Server(client(), client(client_id="other"))
    server.warm_up()
    owner, thief = App(server), App(server, "other")
    code = Browser(server).code()

    def attempt(number: int) -> Outcome:
        try:
            return owner.exchange(code) if number == CROWD // 2 else thief.exchange(code)
        except OAuthError as error:
            return error

    (response,) = successes(all_at_once(attempt, CROWD))
    assert server.access(response.access_token)
    assert owner.refresh(response.refresh_token)


@pytest.mark.rfc("6749", "4.1.1")
def test_consent_given_by_many_clicks_at_once_gives_one_code() -> None:
    server = Server()
    server.warm_up()
    browser = Browser(server)
    page = browser.authorize()
    assert isinstance(page, GoTo)
    signed_in = browser.sign_in(page.request_handle)
    assert isinstance(signed_in, GoTo)
    form = browser.consent_page(signed_in.request_handle)
    assert isinstance(form, ConsentPage)
    answers = all_at_once(lambda _: browser.decide(form.request_handle, csrf=form.csrf), 8)
    assert len({answer.parameters["code"] for answer in answers if isinstance(answer, AuthorizationResponse)}) == 1
    assert len(server.tokens.every_authorization()) == 1
