"""The pages of people who are signed in: their session, what they see, and what their forms do.

An area is a tuple of `Screen`, and its function answers a request by looking its route up there (`serve`). What a page
shows and changes, it does by the operations of the management APIs, in process: one set of rules for both.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from functools import wraps
from typing import Any

from authserver.endpoints.browsers.under_way import find_visitor, hold_visit, require_visitor_csrf, visitor_csrf
from authserver.errors import InvalidRequest
from authserver.management import Call, NotFound, Problem
from authserver.management.audited import declared
from authserver.marks import N_
from authserver.messages.browser import GoTo
from authserver.messages.site import Download, View, Visit
from authserver.models import ACTIVE
from authserver.models.browsers import Session
from authserver.models.users import User
from authserver.records import dataclass
from authserver.services import Services
from authserver.storage.guards import SessionOver
from authserver.storage.lists import BadCursor
from authserver.values import Scope, segment_of

FRESH = 900  # seconds after a sign-in in which the user may change what protects the account
SCOPE = Scope(("account", "organisation", "partner"))
CHECK = N_("Please check what you have entered.")
GONE = N_("This is not there any more. It may have been removed in another window.")


@dataclass(frozen=True, slots=True)
class Visitor:
    """A user who is signed in here."""

    user: User
    session: Session

    def signed_in_lately(self, now: int) -> bool:
        """Whether this may change what guards the account and what it owns."""
        return now < self.session.auth_time + FRESH

    def call(self, visit: Visit, *, body: Any = None, query: Mapping[str, str] | None = None, **path: str) -> Call:
        """The visitor's own call of a management operation; `path` has its parameters, if not the page's.

        The field `once` of a form makes a repeated create the same one.
        """
        return Call(
            subject=self.user.sub,
            client_id="",  # no application's
            scope=SCOPE,
            route=visit.route,
            path=path or visit.path_parameters,
            query=query or {},
            body=body,
            idempotency_key=visit.entered("once"),
            device=visit.device,
            source=visit.source,
            request_id=visit.request_id,
        )


type Answer = View | GoTo | Download
type Show = Callable[[Visitor, Visit, Services], View]
type Act = Callable[[Visitor, Visit, Services], Answer]


@dataclass(frozen=True, slots=True)
class Screen:
    """One page. `acts` are what its forms do, by their field `action`; an act answers with where to go next, with a
    page of its own for what is shown once, or with a file.

    `fresh`: it takes a sign-in of the last minutes. `is_there` tells whether this deployment has the page at all.
    """

    route: str
    show: Show
    acts: Mapping[str, Act] = field(default_factory=dict)
    fresh: bool = False
    is_there: Callable[[Services], bool] = lambda _: True


def act(name: str) -> Callable[[Act], Act]:
    """Makes what a form does to the visitor's own account leave an event in the audit: its first write writes it, too.

    What is done by an operation of a management API has that one's event.
    """

    def decorate(perform: Act) -> Act:
        @wraps(perform)
        def performed(visitor: Visitor, visit: Visit, services: Services) -> Answer:
            from authserver.identity.audit import by_user  # most visits only look

            noting = by_user(services, name, visitor.user.sub, source=visit.source, request=visit.request_id)
            return perform(visitor, visit, noting)

        return declared(name, performed)

    return decorate


class Rejected(Problem):
    """What was entered cannot be so: a sentence for each field that is wrong."""

    def __init__(self, **wrong: str) -> None:
        errors = [{"field": name, "detail": sentence} for name, sentence in wrong.items()]
        super().__init__(400, CHECK, reason="invalid", errors=errors)


@contextmanager
def in_words(words: Mapping[str, str]) -> Iterator[None]:
    """An operation of a management API, whose objections come out as sentences for a person.

    `words` has them by the detail that an operation tells or else by the field. Raises `Rejected`.
    """
    try:
        yield
    except Problem as problem:
        said = {error["field"]: words.get(error["detail"]) or words.get(error["field"]) for error in problem.errors}
        wrong = {field: sentence for field, sentence in said.items() if sentence}
        raise Rejected(**wrong) if wrong else problem from None


class SignInAnew(Exception):
    """What the form of a page asks for takes a sign-in of the last minutes, though most of what is done there does not.

    Raised before anything was done; what was entered is lost.
    """


def serve(visit: Visit, screens: tuple[Screen, ...], notices: Mapping[str, str], services: Services) -> Answer:
    """Shows a page, or does what its form says. `notices` are the sentences after an act, by the tag in the address.

    Raises `InvalidRequest` on a form that is not ours.
    """
    screen = next(one for one in screens if one.route == visit.route)
    visitor = _visitor(visit, services)
    if visitor is None:
        return _sign_in(visit, services)
    if not screen.is_there(services):
        return _complete(_missing(), visitor, services)
    if screen.fresh and not visitor.signed_in_lately(services.now()):
        return _sign_in_anew(visitor, visit, services)
    if visit.method == "POST":
        return _act(screen, visitor, visit, services)
    return _show(screen, visitor, visit, services, notice=notices.get(visit.query.get("done", ""), ""))


def _visitor(visit: Visit, services: Services) -> Visitor | None:
    session = find_visitor(visit.session, services) if visit.session else None
    user = services.users.get(session.subject) if session else None
    if session is None or user is None or user.status != ACTIVE:
        return None
    return Visitor(user, session)


def _sign_in(visit: Visit, services: Services, **parameters: str) -> GoTo:
    """To the sign-in page, and from there to this one; a form that came too late is lost."""
    handle, browser_secret = hold_visit(visit.path, services, **{n: v for n, v in parameters.items() if v})
    return GoTo("login", handle, browser_secret)


def _sign_in_anew(visitor: Visitor, visit: Visit, services: Services) -> GoTo:
    return _sign_in(visit, services, prompt="login", login_hint=visitor.user.username)


def _act(screen: Screen, visitor: Visitor, visit: Visit, services: Services) -> Answer:
    require_visitor_csrf(visit.entered("csrf"), visitor.session, services)
    act = screen.acts.get(visit.entered("action"))
    if act is None:
        raise InvalidRequest("The form is not one of this page", reason="action_unknown")
    try:
        answer = act(visitor, visit, services.by(visitor.session))
    except SignInAnew:
        return _sign_in_anew(visitor, visit, services)
    except SessionOver:
        return _sign_in(visit, services)  # it was ended while this was under way, and nothing was written
    except Problem as problem:
        return _show_problem(screen, visitor, visit, services, problem)
    except BadCursor:
        raise InvalidRequest("The form is not one of this page", reason="action_unknown") from None
    if isinstance(answer, GoTo | Download):
        return answer
    return _complete(answer, visitor, services)


def _show_problem(screen: Screen, visitor: Visitor, visit: Visit, services: Services, problem: Problem) -> View:
    """The page again, with what was entered and what is wrong with it."""
    view = _show(
        screen,
        visitor,
        visit,
        services,
        problem=_sentence(problem),
        wrong={error["field"]: error["detail"] for error in problem.errors},
        entered=visit.form,
    )
    return replace(view, status=problem.status, reason=problem.reason)


def _sentence(problem: Problem) -> str:
    """What is wrong, as a text that catalogues have."""
    if problem.errors:
        return CHECK
    return GONE if isinstance(problem, NotFound) else str(problem)


def _show(screen: Screen, visitor: Visitor, visit: Visit, services: Services, **more: Any) -> View:
    try:
        view = screen.show(visitor, visit, services)
    except (BadCursor, NotFound):
        view = _missing()
    except Problem as problem:
        view = View("missing", {"here": "", "problem": str(problem)}, status=problem.status, reason=problem.reason)
    return _complete(view, visitor, services, **more)


def _missing() -> View:
    return View("missing", {"here": ""}, status=404, reason="not_found")


def _complete(view: View, visitor: Visitor, services: Services, **more: Any) -> View:
    """The page with what every page has."""
    every = {
        "visitor": visitor,
        "csrf": visitor_csrf(visitor.session, services),
        "now": services.now(),
        "notice": "",
        "problem": "",
        "wrong": {},
        "entered": {},
        "here": "",
        "has_api_keys": services.settings.api_keys,
    }
    return replace(view, context={**every, **view.context, **more})


def path_of(*parts: str) -> str:
    """The path of a page; whatever is in a part, it stays one."""
    return "/".join(segment_of(part) for part in parts)


def root_of(visit: Visit) -> str:
    """What leads from this page to where all pages are."""
    return "../" * (visit.route.count("/") - 1)
