"""What the user let which application do: /account/applications."""

from collections.abc import Mapping

from authserver.documents import authorization as documents
from authserver.identity.activity import APPLICATION_DISCONNECTED, APPLICATIONS_DISCONNECTED
from authserver.identity.begin import key_text
from authserver.management import Answer, Call, NotFound, Operation, page_of
from authserver.management.account.acting import acting_user, client_of, note_own
from authserver.management.account.granted import alive_among, described, grants_by_client, grants_of, permissions
from authserver.management.audited import SELF, act
from authserver.management.pages import LONGEST, one_after_the_other
from authserver.management.present import Known, PresentEnds
from authserver.models.browsers import Consent
from authserver.models.tokens import Authorization
from authserver.models.users import User
from authserver.records import dataclass
from authserver.services import Services
from authserver.storage.lists import Counted, Page

PARTS = 10  # of a list that are looked through for what is alive


def list_applications(call: Call, services: Services) -> Answer:
    """What the user let which application do, and which gets what was allowed before without asking again.

    A part of the list is of so many grants, the newest first, and then of so many remembered answers, those that are
    over among them. It has an application once, with what is in this part; another part may have the same one again.
    """
    found = _let_in(acting_user(call, services), call.limit, call.cursor, services)
    client_ids = tuple(found.granted.keys() | found.remembered.keys())
    known = Known(services, (call.subject,), client_ids)
    items = [
        _own_application(one, found.granted.get(one, []), found.remembered.get(one), known, services)
        for one in client_ids
    ]
    items.sort(key=lambda one: (one.name, one.client_id))
    return page_of(Page(tuple(items), found.next), lambda one: one.model_dump(mode="json"))


def get_application(call: Call, services: Services) -> Answer:
    """The same of one application, with its grants among the latest thousand of the user; `next` looks further."""
    user, client_id = acting_user(call, services), call.path["client_id"]
    granted: list[Authorization] = []
    cursor = call.query.get("before")
    for _ in range(PARTS):
        page = _granted_by(user, LONGEST, cursor, services)
        granted += (one for one in page.items if one.client_id == client_id)
        cursor = page.next
        if cursor is None:
            break
    consent = services.browsers.browser_state(subject_key=key_text(user.sub), client_key=key_text(client_id)).consent
    ends = PresentEnds(services, [*granted, *([consent] if consent else [])])
    alive = list(alive_among(granted, ends, services))
    if consent is not None and not _is_remembered(consent, ends, services):
        consent = None
    if not alive and consent is None and cursor is None:
        raise NotFound("application")
    application = _own_application(client_id, alive, consent, Known(services, (user.sub,), (client_id,)), services)
    document = documents.OwnApplication(**application.model_dump(), next=cursor)
    return Answer(document=document.model_dump(mode="json"))


@act("application.disconnected", "client_id")
def disconnect_application(call: Call, services: Services) -> Answer:
    """Ends all that the user granted an application or allowed it before; it has to ask again."""
    user = acting_user(call, services)
    client = client_of(call, services)
    services.withdrawals.end(subject=user.sub, client_id=client.client_id)
    note_own(call, services, APPLICATION_DISCONNECTED, about=client.client_id)
    return Answer()


@act("applications.disconnected", SELF)
def disconnect_applications(call: Call, services: Services) -> Answer:
    """The same for every application, whether the lists have it yet or not; the user stays signed in."""
    user = acting_user(call, services)
    services.withdrawals.end_grants(user.sub)
    note_own(call, services, APPLICATIONS_DISCONNECTED)
    return Answer()


def connected(user: User, services: Services) -> Counted:
    """How many applications the latest hundred grants of the user let in, and whether there are more grants."""
    page = _granted_by(user, LONGEST, None, services)
    alive = alive_among(page.items, PresentEnds(services, page.items), services)
    return Counted(len({one.client_id for one in alive}), page.next is not None)


@dataclass(frozen=True, slots=True)
class LetIn:
    """A part of what a user let in, by client: grants that stand, and answers that are remembered."""

    granted: Mapping[str, list[Authorization]]
    remembered: Mapping[str, Consent]
    next: str | None


def _let_in(user: User, limit: int, cursor: str | None, services: Services) -> LetIn:
    """A part that has something, unless too many in a row have nothing: of many that were ended at once."""
    for _ in range(PARTS):
        (grants, consents), cursor = one_after_the_other(
            (
                lambda size, at: _granted_by(user, size, at, services),
                lambda size, at: services.browsers.consents(user.sub, limit=size, cursor=at),
            ),
            limit=limit,
            cursor=cursor,
        )
        ends = PresentEnds(services, (*grants, *consents))
        found = LetIn(
            granted=grants_by_client(alive_among(grants, ends, services)),
            remembered={one.client_id: one for one in consents if _is_remembered(one, ends, services)},
            next=cursor,
        )
        if found.granted or found.remembered or cursor is None:
            break
    return found


def _granted_by(user: User, limit: int, cursor: str | None, services: Services) -> Page[Authorization]:
    return services.tokens.authorizations(subject=user.sub, limit=limit, cursor=cursor, newest_first=True)


def _is_remembered(consent: Consent, ends: PresentEnds, services: Services) -> bool:
    """Whether the user is not asked again: an answer may have ended that is there still."""
    return consent.expires_at > services.now() and ends.let_consent_stand(consent)


def _own_application(
    client_id: str,
    granted: list[Authorization],
    consent: Consent | None,
    known: Known,
    services: Services,
) -> documents.Application:
    return documents.Application(
        **described(client_id, known),
        grants=grants_of(granted, known, services),
        remembered=_remembered(consent, services) if consent else None,
    )


def _remembered(consent: Consent, services: Services) -> documents.Remembered:
    return documents.Remembered(
        permissions=permissions(consent.scope - consent.declined, services),
        resource=tuple(sorted(consent.resource)),
        since=consent.created_at,
        until=consent.expires_at,
    )


READ, WRITE = "account.read", "account.write"

OPERATIONS = (
    Operation(
        "GET /account/applications",
        "List one's applications",
        READ,
        list_applications,
        answer=documents.Application,
        is_list=True,
    ),
    Operation(
        "DELETE /account/applications",
        "Disconnect every application",
        WRITE,
        disconnect_applications,
        status=204,
    ),
    Operation(
        "GET /account/applications/{client_id}",
        "Read one of one's applications",
        READ,
        get_application,
        answer=documents.OwnApplication,
        query={"before": "`next` of the answer before"},
    ),
    Operation(
        "DELETE /account/applications/{client_id}",
        "Disconnect an application",
        WRITE,
        disconnect_application,
        status=204,
    ),
)
