"""Who acts in a call of the account API, and for which organisation: read, strongly consistent, at each call."""

from authserver.management import Call, NotFound, Problem
from authserver.models import ACTIVE
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
