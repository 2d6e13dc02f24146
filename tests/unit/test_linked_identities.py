"""Sign-ins at other services: operators and their user see them and take them away, and then they sign in no more."""

import re
from dataclasses import replace

import pytest

from authserver.errors import InvalidToken
from authserver.management.account.export import export_account
from authserver.management.admin import users
from authserver.messages.browser import FederationProblem, GoTo
from authserver.messages.mail import FACTORS_CHANGED, MailOrder
from authserver.messages.site import View
from authserver.models.users import Identity, User
from authserver.pages import Pages
from authserver.site import Answer
from authserver.site.security import NOTICES
from authserver.storage.users import MOST_IDENTITIES
from authserver.values import Secret
from authserver.wire.http import HttpRequest
from tests.authenticator import Authenticator
from tests.fakes import ISSUER, START, FakePasswords, user
from tests.openid_provider import SUBJECT
from tests.unit.api import Api
from tests.unit.federating import UPSTREAM, Federated, FederatingBrowser, identity_provider
from tests.unit.server import App, Browser, Server
from tests.unit.test_second_factors import SUB, give_passkey
from tests.unit.test_security_pages import Person, gone_to, view

PAGE, OVERVIEW = "/my/security/identities", "/my/security"
OTHER = "https://other.example"


class Colleague(Person, FederatingBrowser):
    """Somebody who came from the identity provider, and looks at pages of ours."""


def operator(server: Server, scope: str = "admin:users") -> Api:
    return Api(server, users.OPERATIONS, "operator", scope=scope)


def alice_linked(server: Server, issuer: str = UPSTREAM, subject: str = SUBJECT) -> Identity:
    """Alice's identity at the provider; she has a password besides."""
    identity = Identity.of(SUB, issuer, subject, server.clock())
    assert server.users.link(identity)
    return identity


def newcomer(site: Federated) -> tuple[Colleague, User]:
    """Somebody who has nothing but an identity, signed in."""
    person = Colleague(site.server)
    assert isinstance(person.sign_in_at(site.provider), GoTo)
    known = site.server.users.find_by_identity(UPSTREAM, SUBJECT)
    assert known
    return person, known


def own(site: Federated, sub: str) -> Identity:
    (identity,) = site.server.users.identities(sub)
    return identity


def page(person: Person, answer: Answer) -> str:
    response = Pages(person.services).render(view(answer), HttpRequest("GET", "ANY /my/security", id="reference"))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.body.partition("<body")[2]))


def orders_of(server: Server) -> list[MailOrder]:
    orders: list[MailOrder] = []
    server.services = replace(server.services, order_mail=orders.append)
    return orders


# ------------------------------------------------------------------ for operators


def test_an_operator_sees_who_a_user_is_elsewhere_and_since_when() -> None:
    server = Server()
    path = f"/admin/users/{SUB}/identities"
    assert operator(server).get(path) == {"items": []}
    server.clock.advance(60)
    made = operator(server).call("POST", path, {"issuer": UPSTREAM, "subject": "1"})
    assert made.status == 201
    assert operator(server).get(path) == {"items": [made.document]}
    assert made.document == {
        "id": Identity.of(SUB, UPSTREAM, "1").id,
        "sub": SUB,
        "issuer": UPSTREAM,
        "subject": "1",
        "created_at": START + 60,
    }


def test_linking_again_answers_with_what_there_is() -> None:
    server = Server()
    path, body = f"/admin/users/{SUB}/identities", {"issuer": UPSTREAM, "subject": "1"}
    first = operator(server).call("POST", path, body)
    server.clock.advance(60)
    again = operator(server).call("POST", path, body)
    assert (again.status, again.document) == (201, first.document)
    assert [one.kind for one in server.journal.activities(SUB).items] == ["identity_linked"]


def test_a_user_has_a_bounded_number_of_identities_and_why_is_told() -> None:
    server = Server()
    for number in range(MOST_IDENTITIES):
        alice_linked(server, subject=str(number))
    answer = operator(server).call(
        "POST", f"/admin/users/{SUB}/identities", {"issuer": UPSTREAM, "subject": "one more"}
    )
    assert (answer.status, answer.reason) == (409, "too_many")


def test_an_identity_that_an_operator_unlinked_signs_nobody_in_and_all_from_before_is_over() -> None:
    site = Federated(sign_up=False)
    identity = alice_linked(site.server)
    browser = site.browser()
    browser.sign_in_at(site.provider)
    assert browser.subject() == SUB
    tokens = App(site.server).tokens()
    path = f"/admin/users/{SUB}/identities/{identity.id}"
    assert operator(site.server).call("DELETE", path).status == 204
    with pytest.raises(InvalidToken):
        site.server.access(tokens.access_token)
    assert gone_to_login(browser)
    answer = site.browser().sign_in_at(site.provider)
    assert isinstance(answer, FederationProblem)
    assert answer.reason == "federation_no_account"
    assert operator(site.server).get(f"/admin/users/{SUB}/identities") == {"items": []}
    assert operator(site.server).call("DELETE", path).status == 404
    assert Browser(site.server).code()  # the password is another way


def gone_to_login(browser: Browser) -> bool:
    answer = browser.authorize()
    return isinstance(answer, GoTo) and answer.page == "login"


@pytest.mark.parametrize(
    "verb", ["users.find_by_identity", "users.account_state", "users.update", "browsers.put_session"]
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_whoever_signs_in_by_an_identity_at_the_instant_it_is_unlinked_is_not_signed_in(verb: str, when: str) -> None:
    site = Federated(sign_up=False)
    identity = alice_linked(site.server)
    site.server.users.alter(SUB, password_hash="")  # or nothing of hers is the provider's to tell
    browser = site.browser()
    location = site.provider.authorize(browser.set_out())

    def unlink() -> None:
        assert site.server.withdrawals.unlink(SUB, identity.id)

    (site.server.before if when == "before" else site.server.after)(verb, unlink)
    browser.come_back(location)
    assert site.server.users.identities(SUB) == ()
    assert gone_to_login(browser)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", "/x")])
def test_nobody_has_no_identities(method: str, path: str) -> None:
    assert operator(Server()).call(method, f"/admin/users/nobody/identities{path}").status == 404


def test_an_identity_of_another_user_is_not_unlinked_by_the_wrong_name() -> None:
    server = Server()
    identity = alice_linked(server)
    assert server.users.create(user(sub="bob", username="bob"))
    assert operator(server).call("DELETE", f"/admin/users/bob/identities/{identity.id}").status == 404
    assert server.users.identities(SUB) == (identity,)


def test_who_may_change_users_takes_no_identity_from_an_operator() -> None:
    server = Server()
    identity = alice_linked(server)
    server.users.alter(SUB, operator=True)
    path = f"/admin/users/{SUB}/identities/{identity.id}"
    assert operator(server).call("DELETE", path).reason == "insufficient_scope"
    assert server.users.identities(SUB) == (identity,)
    assert operator(server, Api.EVERY_POWER).call("DELETE", path).status == 204


# ------------------------------------------------------------------ on the user's page


def test_the_page_tells_provider_issuer_and_since_when() -> None:
    server = Server()
    assert server.identity_providers.put(identity_provider())
    alice_linked(server)
    server.clock.advance(1)
    alice_linked(server, OTHER, "2")
    person = Person(server)
    person.code()
    seen = page(person, person.open(PAGE))
    assert f"Work {UPSTREAM} Since 15 January 2027." in seen
    assert f"other.example {OTHER}" in seen
    assert "You can sign in here through Work, other.example." in page(person, person.open(OVERVIEW))


def test_a_tenant_of_a_provider_of_many_has_the_providers_name() -> None:
    server = Server()
    assert server.identity_providers.put(identity_provider(name="Big One", issuer="https://big.example/common/v2.0"))
    alice_linked(server, "https://big.example/1234/v2.0")
    person = Person(server)
    person.code()
    assert "through Big One." in page(person, person.open(OVERVIEW))


def test_an_identity_that_an_older_layout_did_not_tell_of_can_be_seen_and_removed() -> None:
    server = Server()
    assert server.users.link(replace(Identity.of(SUB, UPSTREAM, SUBJECT), issuer="", subject=""))
    person = Person(server)
    person.code()
    assert "Another service" in page(person, person.open(PAGE))
    (identity,) = server.users.identities(SUB)
    assert gone_to(person.act(PAGE, "unlink", identity=identity.id)) == ("my/security/identities", "unlinked")


def test_whoever_has_none_sees_none() -> None:
    server = Server()
    person = Person(server)
    person.code()
    assert "other services" not in page(person, person.open(OVERVIEW))
    assert "You do not sign in through another service." in page(person, person.open(PAGE))


def test_unlinking_ends_all_but_this_browser_and_its_user_is_told() -> None:
    server = Server()
    orders = orders_of(server)
    identity = alice_linked(server)
    person, other = Person(server), Person(server)
    person.code()
    other.code()
    tokens, before = App(server).tokens(), person.session
    server.clock.advance(60)
    assert gone_to(person.act(PAGE, "unlink", identity=identity.id)) == ("my/security/identities", "unlinked")
    assert person.session != before
    assert view(person.open(OVERVIEW, done="unlinked")).context["notice"] == NOTICES["unlinked"]
    assert gone_to(other.open(OVERVIEW)) == ("login", "")
    with pytest.raises(InvalidToken):
        server.access(tokens.access_token)
    assert server.users.identities(SUB) == ()
    noted = next(one for one in server.journal.activities(SUB).items if one.kind == "identity_removed")
    assert noted.about == "idp.example"
    assert [(one.kind, one.address) for one in orders] == [(FACTORS_CHANGED, "alice@example.com")]


def test_unlinking_makes_no_sign_in_newer_than_it_was() -> None:
    server = Server()
    identities = [alice_linked(server, subject=str(number)) for number in range(2)]
    person = Person(server)
    person.code()
    server.clock.advance(600)
    person.act(PAGE, "unlink", identity=identities[0].id)
    server.clock.advance(300)
    assert gone_to(person.act(PAGE, "unlink", csrf="any", identity=identities[1].id)) == ("login", "")
    assert server.users.identities(SUB) == (identities[1],)


def test_the_only_way_to_sign_in_is_not_removed_and_why_is_told() -> None:
    site = Federated()
    person, known = newcomer(site)
    answer = person.act(PAGE, "unlink", identity=own(site, known.sub).id)
    assert view(answer).status == 409
    assert "This is your only way to sign in." in page(person, answer)
    assert site.server.users.find_by_identity(UPSTREAM, SUBJECT) == known
    assert isinstance(person.open(OVERVIEW), View)


def test_a_password_without_a_username_is_no_way_to_sign_in() -> None:
    site = Federated()
    person, known = newcomer(site)
    site.server.users.alter(known.sub, password_hash=FakePasswords().hash(Secret("a password of mine")))
    assert view(person.act(PAGE, "unlink", identity=own(site, known.sub).id)).status == 409
    assert len(site.server.users.identities(known.sub)) == 1


def test_a_passkey_is_a_way_to_sign_in() -> None:
    site = Federated()
    person, known = newcomer(site)
    give_passkey(site.server, Authenticator(ISSUER), known.sub)
    assert isinstance(person.act(PAGE, "unlink", identity=own(site, known.sub).id), GoTo)
    assert site.server.users.identities(known.sub) == ()


def test_a_passkey_that_was_removed_at_that_instant_is_none() -> None:
    site = Federated()
    person, known = newcomer(site)
    give_passkey(site.server, Authenticator(ISSUER), known.sub)

    def remove() -> None:
        site.server.factors.remove(known.sub)

    site.server.before("withdrawals.unlink_own", remove)
    assert view(person.act(PAGE, "unlink", identity=own(site, known.sub).id)).status == 409
    assert len(site.server.users.identities(known.sub)) == 1


def test_another_identity_is_a_way_to_sign_in() -> None:
    site = Federated()
    person, known = newcomer(site)
    assert site.server.users.link(Identity.of(known.sub, OTHER, "2", START + 1))
    first, second = site.server.users.identities(known.sub)
    assert isinstance(person.act(PAGE, "unlink", identity=first.id), GoTo)
    assert view(person.act(PAGE, "unlink", identity=second.id)).status == 409
    assert site.server.users.identities(known.sub) == (second,)


def test_what_is_not_ones_own_is_not_there() -> None:
    server = Server()
    assert server.users.create(user(sub="bob", username="bob"))
    assert server.users.link(Identity.of("bob", UPSTREAM, "bob"))
    person = Person(server)
    person.code()
    for identity in ("", "x" * 5000, Identity.of("bob", UPSTREAM, "bob").id):
        assert view(person.act(PAGE, "unlink", identity=identity)).status == 404
    assert len(server.users.identities("bob")) == 1


def test_a_session_that_was_ended_meanwhile_unlinks_nothing() -> None:
    server = Server()
    identity = alice_linked(server)
    person = Person(server)
    person.code()
    server.before("withdrawals.unlink_own", lambda: server.withdrawals.end_sessions(SUB))
    assert gone_to(person.act(PAGE, "unlink", identity=identity.id)) == ("login", "")
    assert server.users.identities(SUB) == (identity,)


def test_the_copy_of_ones_data_tells_of_them() -> None:
    server = Server()
    alice_linked(server)
    alice = server.users.get(SUB)
    assert alice
    told = export_account(alice, server.services).document["identities"]
    assert told == [{"issuer": UPSTREAM, "subject": SUBJECT, "created_at": START}]
