"""What an ID token says of the sign-in: by what its user signed in, how good that is, and in which session."""

from collections.abc import Callable
from typing import Any

import pytest

from authserver.endpoints.browsers.under_way import find_visitor
from authserver.endpoints.machines.metadata import server_metadata
from authserver.identity.begin import named_anew, renewed
from authserver.messages.authorization import AuthorizationResponse
from authserver.messages.browser import GoTo
from authserver.models.browsers import Session
from tests.authenticator import Authenticator
from tests.fakes import ISSUER, client
from tests.unit.federating import Federated
from tests.unit.server import App, Browser, Server, id_claims
from tests.unit.test_password_grant import ask, serving
from tests.unit.test_second_factors import CODES, at_code, at_passkey, code_at, give_totp
from tests.unit.test_sign_in import at_login


def claims_after(browser: Browser, handle: str) -> dict[str, Any]:
    """Of the ID token, once its user has allowed the request that they signed in for."""
    answer = browser.decide(handle)
    assert isinstance(answer, AuthorizationResponse), answer
    return id_claims(App(browser.server).exchange(answer.parameters["code"]).id_token)


def by_password(server: Server) -> tuple[Browser, str]:
    browser, handle = at_login(server)
    browser.sign_in(handle)
    return browser, handle


def by_code(server: Server) -> tuple[Browser, str]:
    give_totp(server)
    browser, handle = at_code(server)
    assert isinstance(browser.enter_code(handle, code=code_at(server.clock())), GoTo)
    return browser, handle


def by_recovery_code(server: Server) -> tuple[Browser, str]:
    give_totp(server)
    browser, handle = at_code(server)
    assert isinstance(browser.enter_code(handle, recovery_code=CODES[0]), GoTo)
    return browser, handle


def by_passkey(server: Server) -> tuple[Browser, str]:
    device = Authenticator(ISSUER)
    browser, handle, page = at_passkey(server, device)
    assert isinstance(browser.present_passkey(handle, device.sign(page.passkey)), GoTo)
    return browser, handle


@pytest.mark.rfc("8176", "2")
@pytest.mark.rfc("OIDC Core", "2")
@pytest.mark.parametrize(
    ("signs_in", "amr", "acr"),
    [
        (by_password, ["pwd"], None),
        (by_code, ["pwd", "otp", "mfa"], None),
        (by_recovery_code, ["pwd", "otp", "mfa"], None),
        (by_passkey, ["pop", "user", "mfa"], "phr"),
    ],
)
def test_id_token_tells_by_what_its_user_signed_in(
    signs_in: Callable[[Server], tuple[Browser, str]], amr: list[str], acr: str | None
) -> None:
    server = Server()
    browser, handle = signs_in(server)
    claims = claims_after(browser, handle)
    assert (claims["amr"], claims.get("acr")) == (amr, acr)
    later = App(server).refresh(App(server).exchange(browser.code()).refresh_token)
    assert [id_claims(later.id_token).get(name) for name in ("amr", "acr", "sid")] == [amr, acr, claims["sid"]]


@pytest.mark.rfc("8176", "2")
def test_id_token_says_nothing_of_what_only_an_identity_provider_knows() -> None:
    site = Federated()
    browser = site.browser()
    assert isinstance(browser.sign_in_at(site.provider), GoTo)
    claims = claims_after(browser, browser.handle)
    assert claims.keys().isdisjoint({"amr", "acr"})
    assert claims["sid"]


@pytest.mark.rfc("8176", "2")
def test_password_that_a_client_brings_is_a_password_in_no_session() -> None:
    claims = id_claims(ask(serving(), scope="openid").id_token)
    assert claims["amr"] == ["pwd"]
    assert "sid" not in claims


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_acr_values_are_a_wish_and_refuse_nothing() -> None:
    server = Server()
    browser, handle = at_login(server, acr_values="phr urn:example:of-our-own")
    browser.sign_in(handle)
    assert claims_after(browser, handle).keys().isdisjoint({"acr"})
    assert server_metadata(server.services).members()["acr_values_supported"] == ["phr"]


# ------------------------------------------------------------------ the session


def sid(browser: Browser, client_id: str = "web") -> str:
    return str(id_claims(App(browser.server, client_id).exchange(browser.code(client_id=client_id)).id_token)["sid"])


def session_of(browser: Browser) -> Session:
    session = find_visitor(browser.session, browser.services)
    assert session is not None
    return session


@pytest.mark.rfc("OIDC Front-Channel Logout", "3")
def test_sid_is_the_same_for_a_session_and_a_client_and_no_other() -> None:
    server = Server(client(), client(client_id="other"))
    one, two = Browser(server), Browser(server)
    names = [sid(one), sid(one, "other"), sid(two), sid(two, "other")]
    assert len(set(names)) == len(names)
    assert [sid(one), sid(one, "other"), sid(two), sid(two, "other")] == names
    assert one.session is not None
    assert all(name not in one.session and session_of(one).id not in name for name in names)


@pytest.mark.rfc("OIDC Front-Channel Logout", "3")
def test_sid_stays_when_the_session_gets_another_secret_or_identifier() -> None:
    browser = Browser(Server())
    known = sid(browser)
    session = session_of(browser)
    anew = named_anew(session, browser.services).session
    again = named_anew(renewed(anew, "", browser.services).session, browser.services).session
    assert session.id != anew.id != again.id
    assert [one.sid_for("web") for one in (session, anew, again)] == [known] * 3


@pytest.mark.rfc("OIDC Front-Channel Logout", "3")
def test_sid_is_another_after_another_sign_in() -> None:
    browser = Browser(Server())
    known = sid(browser)
    again = App(browser.server).exchange(browser.code(prompt="login"))
    assert id_claims(again.id_token)["sid"] not in ("", known)
