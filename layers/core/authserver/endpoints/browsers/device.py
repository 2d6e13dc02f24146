"""The pages of a user who has a device to authorize: RFC 8628 sections 3.3 and 5.4.

A person who types a code, or sends the one that a link has filled in, first sees which app asks, since when and from
where, and confirms that they started it: a code that another person sent them is an attack. Only then there is a
request that they can allow, of this browser alone.
"""

from dataclasses import replace

from authserver.errors import TooManyAttempts
from authserver.identity.throttle import count_user_code_attempt, give_back, network_of
from authserver.marks import N_
from authserver.messages.authorization import AuthorizationRequest
from authserver.messages.browser import DeviceAnswered, DeviceForm, GoTo
from authserver.messages.site import View
from authserver.models.clients import DEVICE_CODE
from authserver.models.tokens import DeviceRequest
from authserver.services import Services
from authserver.tokens.user_code import device_id, read_user_code, shown
from authserver.values import base64url

from .redirection import find_client
from .under_way import (
    Resumed,
    csrf_token,
    find_visitor,
    hold_for_device,
    hold_visit,
    pictured,
    require_csrf,
    restart,
    resume,
)

PAGE = "device"
CONFIRM, DENY = "confirm", "deny"
WRONG = N_("This code is not correct, has expired, or has been used. Look at your device again.")
THROTTLED = N_("Too many attempts. Please wait a while and try again.")

type Answer = View | GoTo | DeviceAnswered


def serve(form: DeviceForm, services: Services) -> Answer:
    """Asks for the code, takes it, or asks the person who typed it whether they started this."""
    if DEVICE_CODE not in services.grants:
        return View("device/off", status=404, reason="device_off")
    match form.action:
        case "confirm":
            return confirm(form, services)
        case "deny":
            return deny(form, services)
    if form.user_code:
        return fill_in(form) if form.is_link else take_code(form, services)
    return show_question(form, services) if form.request_handle else _page(form)


def fill_in(form: DeviceForm) -> Answer:
    """The page with the code of a link in its field. It is neither looked up nor counted: any site can put such links
    into its pages, and would lock their readers out."""
    letters = read_user_code(form.user_code)
    return _page(replace(form, user_code=shown(letters) if letters else ""))


def take_code(form: DeviceForm, services: Services) -> Answer:
    """On to the question, with a code that a device shows. What cannot be a code costs nothing."""
    letters = read_user_code(form.user_code)
    if letters is None:
        return _page(form, WRONG, 400)
    try:
        attempts = count_user_code_attempt(form.source, _subject(form, services), services)
    except TooManyAttempts as error:
        return _page(form, THROTTLED, error.status, error.reason)
    if _waiting(letters, services) is None:
        return _page(form, WRONG, 400)
    for attempt in attempts:
        give_back(attempt, services)
    handle, browser_secret = hold_visit(PAGE, services, user_code=letters)
    return GoTo(PAGE, handle, browser_secret)


def show_question(form: DeviceForm, services: Services) -> Answer:
    """Which app asks, since when and from where: did you start this?"""
    resumed = resume(form, services)
    device = _device_of(resumed, services)
    if device is None:
        return _page(form, WRONG, 400)
    client = find_client(AuthorizationRequest(device.parameters), services)
    return View(
        "device/confirm",
        {
            "client": pictured(client, services),
            "user_code": shown(resumed.pending.parameters["user_code"]),
            "source": device.source,
            "is_same_network": device.source == network_of(form.source),
            "started_at": device.created_at,
            "request_handle": form.request_handle,
            "csrf": csrf_token(PAGE, resumed, form.browser_secret, services),
        },
        reason="device_question",
    )


def confirm(form: DeviceForm, services: Services) -> Answer:
    """They started it: on to sign-in and consent, by a request of this browser's."""
    device = _device_in(form, services)
    if device is None:
        return _page(form, WRONG, 400)
    handle, browser_secret = hold_for_device(device, services)
    return GoTo("login", handle, browser_secret)


def deny(form: DeviceForm, services: Services) -> Answer:
    """They did not start it: the code is denied, and no other user can allow it."""
    device = _device_in(form, services)
    if device is None or not services.tokens.deny_device(device.id, services.now()):
        return _page(form, WRONG, 400)
    client = find_client(AuthorizationRequest(device.parameters), services)
    return DeviceAnswered(client, is_allowed=False)


def _device_in(form: DeviceForm, services: Services) -> DeviceRequest | None:
    """The device that a form of the question is about. Raises `InvalidRequest` if the form is not ours."""
    resumed = resume(form, services)
    require_csrf(form.csrf, PAGE, resumed, form.browser_secret, services)
    return _device_of(resumed, services)


def _device_of(resumed: Resumed, services: Services) -> DeviceRequest | None:
    if resumed.pending.visit != PAGE:
        raise restart("request_of_another_page")
    return _waiting(resumed.pending.parameters["user_code"], services)


def _waiting(letters: str, services: Services) -> DeviceRequest | None:
    """The device that shows this code, if no user has decided about it and there is time."""
    device = services.tokens.device(base64url(device_id(letters)))
    return device if device and not device.answer and services.now() < device.expires_at else None


def _subject(form: DeviceForm, services: Services) -> str:
    """The user who is signed in in this browser; often none."""
    session = find_visitor(form.session, services) if form.session else None
    return session.subject if session else ""


def _page(form: DeviceForm, problem: str = "", status: int = 200, reason: str = "") -> View:
    context = {"user_code": form.user_code, "problem": problem}
    return View("device/code", context, status, reason or ("device_page" if status == 200 else f"device_{status}"))
