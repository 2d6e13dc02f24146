"""What an operator does to somebody's account is told to them: a line of their activity, and a mail."""

from dataclasses import replace
from typing import Any

import pytest

from authserver.endpoints.orders.mail import write_letter
from authserver.errors import TemporarilyUnavailable
from authserver.identity import activity
from authserver.management.admin import api_keys, organisations, users
from authserver.messages.mail import CHANGED_BY_OPERATOR, Letter, MailOrder, NoLetter
from authserver.models.browsers import OneTimeLink
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership, Organisation
from authserver.models.users import Identity
from authserver.pages.mails import render_mail
from authserver.scopes import DEFAULT, ScopeCatalogue
from authserver.site import account
from authserver.values import sha256
from tests.contract.records import api_key
from tests.fakes import ISSUER, START
from tests.unit.api import Api
from tests.unit.pages import Reader
from tests.unit.server import Server
from tests.unit.test_second_factors import SUB, give_totp

USER = f"/admin/users/{SUB}"
MEMBERS = f"/admin/organisations/acme/members/{SUB}"
ADDRESS = "alice@example.com"
IDENTITY = Identity.of(SUB, "https://idp.example", "1", START)
LINK = "A" * 22
KEY = api_key(id="K" * 22, subject=SUB)
CATALOGUE = tuple(replace(one, api_keys=one.name == "read") for one in DEFAULT.definitions)


class Deployment:
    """A server whose operator acts; mails are ordered and not sent."""

    def __init__(self) -> None:
        self.server = Server(api_keys=True)
        assert self.server.withdrawals.change_scopes(ScopeCatalogue.of(CATALOGUE, 0))
        self.orders: list[MailOrder] = []
        self.server.services = replace(self.server.services, order_mail=self.orders.append)
        assert self.server.organisations.create(Organisation("acme", "Acme Ltd", created_at=START))
        operations = (*users.OPERATIONS, *organisations.OPERATIONS, *api_keys.OPERATIONS)
        self.api = Api(self.server, operations, "operator", scope=Api.EVERY_POWER)

    def given(self, *what: str) -> None:
        if "identity" in what:
            assert self.server.users.link(IDENTITY)
        if "link" in what:
            link = OneTimeLink(LINK, sha256("secret"), "password_reset", SUB, ADDRESS, START, START + 1800)
            assert self.server.browsers.put_link(link)
        if "operator" in what:
            self.server.users.alter(SUB, operator=True)
        if "disabled" in what:
            self.server.users.alter(SUB, status="disabled")
        if "key" in what:
            assert self.server.api_keys.create(KEY)
        if "factors" in what:
            give_totp(self.server)
        for role in {ADMINISTRATOR, MEMBER} & set(what):
            self.server.organisations.put_membership(Membership("acme", SUB, role, START, "epoch"))

    def told(self) -> list[tuple[str, str]]:
        """What the user's activity says, each line without a device or a network of anybody's."""
        lines = self.server.journal.activities(SUB).items
        assert all(one.device == one.source == "" for one in lines)
        return [(one.kind, one.about) for one in lines]


# What is given, what the operator does, and what is told with what it is about.
ACTS: list[tuple[tuple[str, ...], tuple[str, str, Any], tuple[str, str]]] = [
    ((), ("PUT", f"{USER}/password", {"password": "a new and better one"}), ("password_set", "")),
    (("factors",), ("DELETE", f"{USER}/factors", None), ("factors_removed", "")),
    (
        (),
        ("POST", f"{USER}/identities", {"issuer": "https://idp.example", "subject": "1"}),
        ("identity_linked", "idp.example"),
    ),
    (("identity",), ("DELETE", f"{USER}/identities/{IDENTITY.id}", None), ("identity_unlinked", "idp.example")),
    (("link",), ("DELETE", f"{USER}/links/{LINK}", None), ("link_revoked", "")),
    ((), ("PATCH", USER, {"email": "new@example.com"}), ("email_set", "")),
    ((), ("PATCH", USER, {"email": ""}), ("email_set", "")),
    ((), ("PATCH", USER, {"operator": True}), ("operator_made", "")),
    (("operator",), ("PATCH", USER, {"operator": False}), ("operator_ended", "")),
    ((), ("PATCH", USER, {"status": "disabled"}), ("account_disabled", "")),
    (("disabled",), ("PATCH", USER, {"status": "active"}), ("account_enabled", "")),
    ((), ("PUT", MEMBERS, {"role": "administrator"}), ("administrator_made", "Acme Ltd")),
    ((), ("PUT", MEMBERS, {"role": "member"}), ("member_made", "Acme Ltd")),
    ((ADMINISTRATOR,), ("PUT", MEMBERS, {"role": "member"}), ("member_made", "Acme Ltd")),
    ((MEMBER,), ("DELETE", MEMBERS, None), ("membership_ended", "Acme Ltd")),
    ((), ("POST", "/admin/api-keys", {"sub": SUB, "name": "A report", "scope": ["read"]}), ("key_given", "A report")),
    (("key",), ("DELETE", f"/admin/api-keys/{KEY.id}", None), ("key_taken", "A report")),
]
NAMES = [f"{told[0]}-{number}" for number, (_, _, told) in enumerate(ACTS)]
EACH_ACT = pytest.mark.parametrize(("given", "call", "told"), ACTS, ids=NAMES)


@EACH_ACT
def test_each_act_is_a_line_and_a_mail_to_the_address_from_before(
    given: tuple[str, ...], call: tuple[str, str, Any], told: tuple[str, str]
) -> None:
    deployment = Deployment()
    deployment.given(*given)
    assert deployment.api.call(*call).status in (200, 201, 204)
    assert deployment.told() == [told]
    ordered = [(one.kind, one.subject, one.address, one.what, one.about) for one in deployment.orders]
    assert ordered == [(CHANGED_BY_OPERATOR, SUB, ADDRESS, *told)]


@EACH_ACT
def test_each_act_gets_to_the_user_whatever_became_of_the_account(
    given: tuple[str, ...], call: tuple[str, str, Any], told: tuple[str, str]
) -> None:
    deployment = Deployment()
    deployment.given(*given)
    deployment.api.call(*call)
    letter = write_letter(deployment.orders[0], deployment.server.services)
    assert isinstance(letter, Letter)
    assert (letter.to, letter.username, letter.what, letter.about) == (ADDRESS, "alice", *told)


def test_every_kind_of_act_is_among_these() -> None:
    assert {told[0] for _, _, told in ACTS} == set(activity.BY_OPERATOR)


@pytest.mark.parametrize(
    ("given", "call"),
    [
        ((), ("PATCH", USER, {"name": "Alice P"})),
        ((), ("PATCH", USER, {"status": "active", "email": ADDRESS, "operator": False})),
        ((), ("DELETE", f"{USER}/identities/x", None)),
        ((), ("DELETE", f"{USER}/links/{LINK}", None)),
        ((), ("PUT", f"{USER}/password", {"password": "iloveyou"})),
        ((MEMBER,), ("PUT", MEMBERS, {"role": "member"})),
        ((), ("DELETE", MEMBERS, None)),
        ((), ("DELETE", "/admin/organisations/acme/members/nobody", None)),
    ],
    ids=str,
)
def test_what_changes_nothing_of_the_guard_is_not_told(given: tuple[str, ...], call: tuple[str, str, Any]) -> None:
    deployment = Deployment()
    deployment.given(*given)
    deployment.api.call(*call)
    assert (deployment.told(), deployment.orders) == ([], [])


def test_several_changes_at_once_are_each_told_at_the_old_address() -> None:
    deployment = Deployment()
    changes = {"email": "new@example.com", "operator": True, "status": "disabled"}
    assert deployment.api.call("PATCH", USER, changes).status == 200
    kinds = {"email_set", "operator_made", "account_disabled"}
    assert {kind for kind, _ in deployment.told()} == kinds
    assert {(one.what, one.address) for one in deployment.orders} == {(kind, ADDRESS) for kind in kinds}


def test_whoever_had_no_address_gets_no_mail_at_the_one_that_was_set() -> None:
    deployment = Deployment()
    deployment.server.users.alter(SUB, email="")
    assert deployment.api.call("PATCH", USER, {"email": "new@example.com"}).status == 200
    assert (deployment.told(), deployment.orders) == ([("email_set", "")], [])


@EACH_ACT
def test_an_act_is_done_though_it_cannot_be_told(
    given: tuple[str, ...], call: tuple[str, str, Any], told: tuple[str, str]
) -> None:
    deployment = Deployment()
    deployment.given(*given)

    def fail(verb: str, act: Any) -> Any:
        if verb in ("journal.note_activity", "identity_providers.list"):
            raise TemporarilyUnavailable("The store did not answer", reason="test")
        return act()

    def refuse(_: MailOrder) -> None:
        raise TemporarilyUnavailable("The mail could not be ordered", reason="test")

    deployment.server.around = fail
    deployment.server.services = replace(deployment.server.services, order_mail=refuse)
    assert deployment.api.call(*call).status in (200, 201, 204)


def test_where_no_mails_are_sent_there_is_the_line() -> None:
    deployment = Deployment()
    deployment.server.services = replace(deployment.server.services, order_mail=None)
    assert deployment.api.call("PATCH", USER, {"status": "disabled"}).status == 200
    assert deployment.told() == [("account_disabled", "")]


# ------------------------------------------------------------------ in words


SAID = {
    "password_set": ("set a new password", "set a new password"),
    "factors_removed": ("removed the authenticator app", "removed the authenticator app"),
    "identity_linked": ("added the sign-in through Somebody", "added the sign-in through Somebody"),
    "identity_unlinked": ("removed the sign-in through Somebody", "removed the sign-in through Somebody"),
    "email_set": ("changed the email address", "email address was changed"),
    "link_revoked": ("withdrew a link", "withdrew a link"),
    "operator_made": ("let this account administer it", "may administer this whole service"),
    "operator_ended": ("no longer let this account administer it", "may no longer administer"),
    "administrator_made": ("an administrator of Somebody", "an administrator of Somebody"),
    "member_made": ("a member of Somebody", "a member of Somebody"),
    "membership_ended": ("took you out of Somebody", "not belong to Somebody"),
    "account_disabled": ("disabled this account", "is disabled"),
    "account_enabled": ("enabled this account", "is enabled again"),
    "key_given": ("made the API key Somebody", "made the API key “Somebody”"),
    "key_taken": ("ended the API key Somebody", "ended its API key “Somebody”"),
}


@pytest.mark.parametrize("kind", activity.BY_OPERATOR)
def test_the_activity_says_that_an_operator_did_it(kind: str) -> None:
    server = Server()
    reader = Reader(server, account, "alice")
    activity.note(server.services, SUB, kind, about="Somebody")
    seen = reader.get("/my/activity").text
    assert "The people who run this service" in seen
    assert SAID[kind][0] in seen


@pytest.mark.parametrize("kind", activity.BY_OPERATOR)
@pytest.mark.parametrize("username", ["alice", ""])
def test_the_mail_says_that_an_operator_did_it_and_whom_to_ask(kind: str, username: str) -> None:
    letter = Letter(CHANGED_BY_OPERATOR, ADDRESS, username, "Wonderland", ISSUER, what=kind, about="Somebody")
    mail = render_mail(letter)
    assert mail.subject == "Your account at Wonderland was changed"
    for form in (mail.text, mail.html):
        assert "The people who run Wonderland (as.example)" in form
        assert username in form
        assert SAID[kind][1] in form
        assert "ask the people who run this service" in form
    assert "{" not in mail.text


@pytest.mark.parametrize("kind", ["identity_linked", "identity_unlinked"])
def test_an_unknown_provider_is_another_service(kind: str) -> None:
    server = Server()
    activity.note(server.services, SUB, kind)
    assert "the sign-in through another service" in Reader(server, account, "alice").get("/my/activity").text
    mail = render_mail(Letter(CHANGED_BY_OPERATOR, ADDRESS, "alice", "Wonderland", ISSUER, what=kind))
    assert "the sign-in through another service." in mail.text


def test_what_it_was_about_is_text_whatever_it_is() -> None:
    about = "a\r\nBcc: b@c.example <a href='https://evil.example'>Click</a>"
    mail = render_mail(
        Letter(CHANGED_BY_OPERATOR, ADDRESS, "alice", "Wonderland", ISSUER, what="member_made", about=about)
    )
    assert "\r" not in mail.text + mail.subject
    assert "\nBcc" not in mail.text
    assert "<a href='" not in mail.html


def test_nobody_is_written_to_about_a_user_who_is_gone() -> None:
    deployment = Deployment()
    deployment.api.call("PUT", f"{USER}/password", {"password": "a new and better one"})
    deployment.server.withdrawals.delete_user(SUB, START)
    letter = write_letter(deployment.orders[0], deployment.server.services)
    assert letter == NoLetter("user_unknown")
