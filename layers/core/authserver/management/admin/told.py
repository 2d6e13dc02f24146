"""Users are notified of what operators do to their accounts: a line of their activity, and a mail."""

from authserver.identity.activity import note
from authserver.identity.mails import tell_of_operator
from authserver.models.users import User
from authserver.services import Services


def tell(user: User, what: str, services: Services, about: str = "") -> None:
    """Called once the thing is done, and never fails it; `user` is as they were before, `what` of `BY_OPERATOR`."""
    note(services, user.sub, what, about=about)
    tell_of_operator(user, what, about, services)
