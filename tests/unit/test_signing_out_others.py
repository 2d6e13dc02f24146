"""A browser that signs all others out keeps its cookie, and lives as long as nothing ends it in its turn."""

from typing import Any

import pytest

from authserver.errors import InvalidGrant
from authserver.messages.browser import GoTo
from authserver.messages.site import View
from authserver.models import ACTIVE, DISABLED
from authserver.site import Answer, serve
from authserver.site.security import NOTICES, SCREENS
from authserver.values import Secret
from tests.fakes import PASSWORD, FakePasswords
from tests.unit.server import App, Server, all_at_once
from tests.unit.test_account_pages import SUB, Person, gone_to, shown

NEW = "a new and better one"


class Alice(Person):
    """One of Alice's browsers."""

    @property
    def is_there(self) -> bool:
        """Whether she is signed in."""
        return isinstance(self.open("/my"), View)

    def change_password(self) -> Answer:
        """On the page for that."""
        route = "/my/security/password"
        page = serve(self._visit("GET", route, {}), SCREENS, NOTICES, self.services)
        csrf = page.context["csrf"] if isinstance(page, View) else ""
        fields = {"action": "change", "csrf": csrf, "current": PASSWORD, "new": NEW}
        form = {name: (value,) for name, value in fields.items()}
        answer = serve(self._visit("POST", route, {}, form=form), SCREENS, NOTICES, self.services)
        self.session = answer.session if isinstance(answer, GoTo) and answer.session else self.session
        return answer


def signed_in(server: Server) -> Alice:
    alice = Alice(server)
    alice.code()
    return alice


def set_password(server: Server) -> None:
    assert server.withdrawals.set_password(SUB, FakePasswords().hash(Secret(NEW)))


def turn(server: Server) -> None:
    for status in (DISABLED, ACTIVE):
        assert server.withdrawals.change_user(SUB, status=status)


def test_survivor_keeps_its_cookie_and_does_so_again_and_again() -> None:
    """All within one second; who signs in in between is out the next time."""
    server = Server()
    person = signed_in(server)
    cookie = person.session
    for _ in range(6):
        others = [signed_in(server) for _ in range(2)]
        assert gone_to(person.act("/my/sessions", "end-others")) == ("my/sessions", "others-ended")
        assert person.session == cookie
        assert [one.is_there for one in (person, *others)] == [True, False, False]
    (listed,) = server.browsers.sessions(SUB).items[:1]
    assert shown(person.open("/my"))["sessions"] == 1
    assert listed.sessions == 6


def test_applications_stay_connected_and_codes_that_are_not_redeemed_end() -> None:
    server = Server()
    person, other = signed_in(server), signed_in(server)
    tokens, code = App(server).tokens(), other.code()
    person.act("/my/sessions", "end-others")
    assert server.access(tokens.access_token)
    assert App(server).refresh(tokens.refresh_token)
    with pytest.raises(InvalidGrant):
        App(server).exchange(code)


@pytest.mark.parametrize("end", [set_password, turn])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_ends_everything_meanwhile_ends_the_survivor_too(when: str, end: Any) -> None:
    """Right before the write that signs the others out, and right after it."""
    server = Server()
    person, other = signed_in(server), signed_in(server)
    getattr(server, when)("withdrawals.end_sessions", lambda: end(server))
    answer = person.act("/my/sessions", "end-others")
    assert gone_to(answer) == (("login", "") if when == "before" else ("my/sessions", "others-ended"))
    assert [one.is_there for one in (person, other)] == [False, False]


@pytest.mark.parametrize("when", ["before", "after"])
def test_new_password_of_another_browser_meanwhile_leaves_that_one_alone(when: str) -> None:
    server = Server()
    person, other = signed_in(server), signed_in(server)
    changed: list[Any] = []
    getattr(server, when)("withdrawals.end_sessions", lambda: changed.append(other.change_password()))
    person.act("/my/sessions", "end-others")
    # After it, the other has been signed out and has nothing to change a password by.
    assert [gone_to(one)[0] for one in changed] == ["my/security" if when == "before" else "login"]
    assert [one.is_there for one in (person, other)] == ([False, True] if when == "before" else [True, False])


@pytest.mark.parametrize("verb", ["users.get", "withdrawals.end_sessions"])
def test_of_two_browsers_that_sign_each_other_out_one_is_left(verb: str) -> None:
    """The other one does all of it between a read or the write of the first."""
    server = Server()
    first, second = signed_in(server), signed_in(server)
    csrf = shown(first.open("/my/sessions"))["csrf"]
    server.before(verb, lambda: second.act("/my/sessions", "end-others"))
    assert gone_to(first.act("/my/sessions", "end-others", csrf=csrf)) == ("login", "")
    assert [one.is_there for one in (first, second)] == [False, True]


@pytest.mark.parametrize("crowd", [2, 8])
def test_of_browsers_that_all_sign_the_others_out_at_once_the_one_that_is_told_so_is_left(crowd: int) -> None:
    for _ in range(10):
        server = Server()
        people = [signed_in(server) for _ in range(crowd)]
        forms = [shown(one.open("/my/sessions"))["csrf"] for one in people]
        answers = all_at_once(
            lambda n: gone_to(people[n].act("/my/sessions", "end-others", csrf=forms[n])),  # noqa: B023  all end here
            crowd,
        )
        assert sorted(answers) == [("login", "")] * (crowd - 1) + [("my/sessions", "others-ended")]
        assert [one.is_there for one in people] == [done == "others-ended" for _, done in answers]
