"""The user who acts in a call of the account API, and the organisation: read, strongly consistent, at each call."""

from authserver.identity.activity import note
from authserver.identity.begin import key_text
from authserver.management import Call, NotFound, Problem
from authserver.models import ACTIVE
from authserver.models.clients import Client
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.models.users import User
from authserver.services import Services


def acting_user(call: Call, services: Services) -> User:
    """The acting user. Raises `Problem` on a client's own token, which acts for no user."""
    user = None if call.subject == call.client_id else services.users.get(call.subject)
    if user is None:
        raise Problem(403, "The access token is not a user's", reason="no_user")
    return user


def organisation_of(call: Call, services: Services) -> Organisation:
    """The organisation of the path, if it is active."""
    organisation = services.organisations.get(call.path["organisation"])
    if organisation is None or organisation.status != ACTIVE:
        raise NotFound("organisation")
    return organisation


def membership_in(organisation: Organisation, user: User, services: Services) -> Membership:
    """The user's part in it. To all others the organisation does not exist."""
    membership = services.organisations.membership(organisation.id, user.sub)
    if membership is None:
        raise NotFound("organisation")
    return membership


def administered(call: Call, services: Services) -> Organisation:
    """The organisation of the path, which the user administers at this moment."""
    organisation, _ = administration(call, services)
    return organisation


def administration(call: Call, services: Services) -> tuple[Organisation, Membership]:
    """The organisation of the path, and the membership by which the user administers it at this moment."""
    user, organisation = acting_user(call, services), organisation_of(call, services)
    own = membership_in(organisation, user, services)
    if own.role != ADMINISTRATOR:
        raise not_administrator()
    return organisation, own


def not_administrator() -> Problem:
    """The refusal of a user who is not, or no longer, an administrator."""
    return Problem(403, "Only an administrator of the organisation may do this", reason="not_administrator")


def administrators_word(call: Call, organisation: str, services: Services) -> tuple[Membership, int]:
    """The administrator's membership, and how often that one ceased to be an administrator before."""
    ends = services.tokens.standing(subject_key=key_text(call.subject), organisation_key=key_text(organisation)).ends
    if ends.membership is None:
        raise not_administrator()
    return ends.membership, ends.begun(key_text(call.subject)).approval


def client_of(call: Call, services: Services) -> Client:
    """The application of the path."""
    client = services.clients.get(call.path["client_id"])
    if client is None:
        raise NotFound("application")
    return client


def for_itself() -> Problem:
    """The refusal of a call by the very application that it would serve."""
    return Problem(403, "An application may not decide what it may do itself", reason="own_application")


def note_own(call: Call, services: Services, kind: str, about: str = "") -> None:
    """Adds what the call did to the activity of the acting user; `kind` is one of `identity.activity`."""
    note(services, call.subject, kind, device=call.device, source=call.source, about=about)
