"""What an error means to whoever meets its page: what failed, whose fault it is, what to do."""

from dataclasses import dataclass

from authserver.errors import (
    MethodNotAllowed,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
    TooManyAttempts,
)
from authserver.marks import N_

# Reasons that a person can cause, and mend, without the application.
STALE = frozenset(
    {
        *("request_over", "request_of_another_browser", "csrf", "request_garbage", "answered_before"),
        *("session_missing", "request_of_no_client"),
    }
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """Sentences for a person: the `title` says what failed, `fault` whose doing it is, `advice` what to do.

    `detail` tells whether the error's own words help, who are for developers. `page` is one of ours that helps on, and
    `label` its name.
    """

    title: str
    fault: str
    advice: str
    detail: bool = True
    page: str = ""
    label: str = ""


EXPIRED = Mistake(
    N_("This page has expired"),
    N_("It was open for too long, was answered before, or was begun in another browser. Nothing was changed."),
    N_("Go back to the application and start again."),
    detail=False,
)
BUSY = Mistake(
    N_("We cannot do this right now"),
    N_("This is on our side: a part of the service does not answer. Nothing was lost."),
    N_("Reload this page in a moment."),
    detail=False,
)
BROKEN = Mistake(
    N_("Something went wrong"),
    N_("This is our mistake, not yours."),
    N_("Try again. If it happens again, tell us the reference below."),
    detail=False,
)
TOO_MANY = Mistake(
    N_("Too many attempts"),
    N_("Somebody, maybe you, tried this too often in a short time."),
    N_("Wait a while, then try again."),
    detail=False,
)
NOT_HERE = Mistake(
    N_("This page cannot be opened like that"),
    N_("Something sent your browser here in a way that this page does not understand."),
    N_("Go back and try again."),
)
APPLICATION = Mistake(
    N_("This request cannot be completed"),
    N_("The application that sent you here made a mistake. You have done nothing wrong, and it was told nothing."),
    N_(
        "Go back to the application and start again. If it happens again, tell the people who run that application; "
        "the lines below help them."
    ),
)

STILL_SIGNED_IN = Mistake(
    N_("You were not signed out"),
    N_("The application that sent you here to sign out made a mistake. You have done nothing wrong."),
    N_("You can sign out here all the same. The lines below help the people who run that application."),
    page="logout",
    label=N_("Sign out"),
)


def explain(error: OAuthError) -> Mistake:
    """What to tell about an error."""
    match error:
        case TemporarilyUnavailable():
            return BUSY
        case ServerError():
            return BROKEN
        case TooManyAttempts():
            return TOO_MANY
        case MethodNotAllowed():
            return NOT_HERE
        case _ if error.reason.startswith("logout_"):
            return STILL_SIGNED_IN
        case _ if error.reason in STALE:
            return EXPIRED
        case _:
            return APPLICATION
