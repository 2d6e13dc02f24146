"""What an error page tells its reader: what failed, whose fault it is, what to do."""

from dataclasses import replace

from authserver.errors import (
    MethodNotAllowed,
    OAuthError,
    RequestTooLarge,
    ServerError,
    TemporarilyUnavailable,
    TooManyAttempts,
)
from authserver.marks import N_
from authserver.records import dataclass


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
    N_("Go back to the app and start again. What you have allowed so far is in your account."),
    detail=False,
    page="my",
    label=N_("Your account"),
)
CHANGED = Mistake(
    N_("This page is out of date"),
    N_("Something has changed since you opened it. Nothing was done."),
    N_("Go back, reload the page and choose again."),
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
    N_("The app that sent you here made a mistake. You have done nothing wrong, and we told it nothing."),
    N_(
        "Go back to the app and start again. If it happens again, tell the people who run the app; "
        "the lines below help them."
    ),
)

ENDED = Mistake(
    N_("This app has been switched off"),
    N_("The people who run it, or who run this service, have ended it. You have done nothing wrong."),
    N_("It accepts no sign-ins at the moment. Ask the people who run the app."),
)
UNKNOWN = replace(
    APPLICATION,
    title=N_("This app is not known here"),
    fault=N_("The link that brought you here names no app that is registered. It may be old or mistyped."),
)
ELSEWHERE = replace(
    APPLICATION,
    fault=N_(
        "The app wanted to send you to an address that it has not registered. That may be its mistake, or somebody "
        "may be after your account. We did not send you there, and told it nothing."
    ),
)


# By the reason of the error; whatever is not here is the application's mistake.
BY_REASON = {
    reason: mistake
    for mistake, reasons in {
        EXPIRED: (
            *("request_over", "request_of_another_browser", "csrf", "request_garbage", "answered_before"),
            *("session_missing", "request_of_no_client", "state_garbage"),
        ),
        # What no form of ours says, unless something has changed since its page was made.
        CHANGED: (
            *("decision_missing", "organisation_unknown", "organisation_not_asked", "company_unknown"),
            *("action_unknown", "nowhere_to_cancel_to"),
        ),
        ELSEWHERE: ("redirect_uri_unknown", "redirect_uri_unsafe", "redirect_uri_missing", "redirect_uri_repeated"),
        UNKNOWN: ("client_unknown", "client_id_missing", "client_id_repeated"),
        ENDED: ("client_disabled",),
        NOT_HERE: ("form_malformed", "media_type"),
    }.items()
    for reason in reasons
}


def explain(error: OAuthError) -> Mistake:
    """What to tell about an error."""
    match error:
        case TemporarilyUnavailable():
            return BUSY
        case ServerError():
            return BROKEN
        case TooManyAttempts():
            return TOO_MANY
        case MethodNotAllowed() | RequestTooLarge():
            return NOT_HERE
    return BY_REASON.get(error.reason, APPLICATION)
