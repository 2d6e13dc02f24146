"""What users allowed clients and are not asked again, for operators: /admin/users/{sub}/consents."""

from typing import Any

from authserver.documents import authorization as documents
from authserver.identity.begin import key_text
from authserver.management import Answer, Call, NotFound, Operation, page_of
from authserver.management.audited import act
from authserver.management.present import Known, PresentEnds
from authserver.models.browsers import Consent
from authserver.models.users import User
from authserver.services import Services


def list_consents(call: Call, services: Services) -> Answer:
    """What a user allowed, oldest first, what is over among it."""
    page = services.browsers.consents(_user(call, services).sub, limit=call.limit, cursor=call.cursor)
    ends, known = PresentEnds(services, page.items), Known(services, clients=(one.client_id for one in page.items))
    return page_of(page, lambda one: _write(one, ends, known, services))


@act("consent.forgotten", "sub")
def forget_consent(call: Call, services: Services) -> Answer:
    """Has a client ask a user again. What it was granted stays: that is among the authorizations."""
    user, client_id = _user(call, services), call.path["client_id"]
    state = services.browsers.browser_state(subject_key=key_text(user.sub), client_key=key_text(client_id))
    if state.consent is None:
        raise NotFound("consent")
    services.withdrawals.forget_consent(user.sub, client_id)
    return Answer()


def _user(call: Call, services: Services) -> User:
    user = services.users.get(call.path["sub"])
    if user is None:
        raise NotFound("user")
    return user


def _write(consent: Consent, ends: PresentEnds, known: Known, services: Services) -> dict[str, Any]:
    is_over = consent.expires_at <= services.now()
    return documents.Consent.of_record(
        consent,
        client_name=known.client_name(consent.client_id),
        scope=str(consent.scope - consent.declined),
        declined=str(consent.declined),
        resource=tuple(sorted(consent.resource)),
        stands=not is_over and ends.let_consent_stand(consent),
    ).model_dump(mode="json")


READ, WRITE = "admin:users.read", "admin:users.write"
CONSENTS = "/admin/users/{sub}/consents"

OPERATIONS = (
    Operation(
        f"GET {CONSENTS}",
        "List what a user allowed and is not asked again",
        READ,
        list_consents,
        answer=documents.Consent,
        is_list=True,
    ),
    Operation(f"DELETE {CONSENTS}/{{client_id}}", "Have a client ask a user again", WRITE, forget_consent, status=204),
)
