"""API keys on our own pages: what the form of a new one offers, what it brings, and how it is shown once.

`site.account` and `site.organisations` say whose they are; the account API decides what may be done with them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from authserver.management import Answer, Call, Problem
from authserver.management.api_keys import possible
from authserver.marks import N_
from authserver.messages.site import Visit
from authserver.services import Services
from authserver.site import Rejected, Visitor
from authserver.values import Scope, base64url

if TYPE_CHECKING:
    from authserver.scopes import ScopeDefinition

DAY = 86_400
DAYS = (7, 30, 90, 365)  # that a key may live, beside the longest that this deployment lets it
USUAL = 90
LONGEST = "100"  # keys of one owner, and of one part of a list
WORDS = {
    "name": N_("Enter a name of up to 100 characters."),
    "scope": N_("Choose at least one permission, of those that are offered here."),
    "resource": N_("Choose APIs that are offered here."),
    "networks": N_("Enter up to 20 addresses or networks, one per line, such as 192.0.2.0/24."),
    "expires_at": N_("Choose one of these."),
    "entities": N_("Choose at least one company, or every company."),
}

type Operate = Callable[[Call, Services], Answer]


def are_there(services: Services) -> bool:
    """Whether this deployment has API keys."""
    return services.settings.api_keys


def listed(operate: Operate, visitor: Visitor, visit: Visit, services: Services) -> dict[str, Any]:
    """A part of a list of keys, from `after` in the address on: each with what its scope means."""
    after = visit.query.get("after", "")
    call = visitor.call(visit, query={"limit": LONGEST} | ({"cursor": after} if after else {}))
    found, catalogue = operate(call, services).document, services.scopes()
    keys = [{**one, "permissions": catalogue.describe(Scope.parse(one["scope"]))} for one in found["items"]]
    return {"keys": keys, "more": found.get("next", ""), "is_first": not after}


def offer(visitor: Visitor, services: Services, *, for_organisation: bool = False) -> dict[str, Any]:
    """What the form of a new key offers. `once` makes a form that is submitted twice one key."""
    settings, catalogue = services.settings, services.scopes()
    every = Scope(tuple(one.name for one in catalogue.definitions))
    allowed = possible(every, services, operator=visitor.user.operator, for_organisation=for_organisation)
    groups: dict[str, list[ScopeDefinition]] = {}
    for definition in catalogue.describe(allowed):
        groups.setdefault(definition.group, []).append(definition)
    days = _days(services)
    return {
        "groups": groups,
        "days": days,
        "usual": USUAL if USUAL in days else days[-1],
        "resources": services.known_resources,
        "takes_networks": settings.accepts_api_key_header,
        "once": base64url(services.random(16)),
    }


def _days(services: Services) -> tuple[int, ...]:
    longest = services.settings.api_key_lifetime // DAY
    return (*(days for days in DAYS if days < longest), longest)


def entered(visit: Visit, services: Services) -> dict[str, Any]:
    """The document that the form says. Raises `Rejected`."""
    *shorter, longest = _days(services)
    days = next((one for one in (*shorter, longest) if str(one) == visit.entered("days")), None)
    if days is None:
        raise Rejected(expires_at=WORDS["expires_at"])
    document = {
        "name": visit.entered("name").strip(),
        "scope": [*visit.form.get("scope", ())],
        "resource": [*visit.form.get("resource", ())],
        "networks": visit.entered("networks").split(),
    }
    return document if days == longest else {**document, "expires_at": services.now() + days * DAY}


@contextmanager
def in_words() -> Iterator[None]:
    """An operation whose objections come out as a sentence for each part of the form. Raises `Rejected`."""
    try:
        yield
    except Problem as problem:
        wrong = _sentences(problem.errors)
        raise Rejected(**wrong) if wrong else problem from None


def _sentences(errors: list[dict[str, str]]) -> Mapping[str, str]:
    parts = (error["field"].partition(".")[0] for error in errors)
    return {part: WORDS[part] for part in parts if part in WORDS}
