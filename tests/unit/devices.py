"""A device that waits, its holder, and a person to whom it shows a code."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from authserver.endpoints.browsers.device import serve
from authserver.endpoints.machines.device_authorization import authorize_device
from authserver.errors import (
    OAuthError,
)
from authserver.messages.browser import ConsentPage, DeviceAnswered, DeviceForm, GoTo, LoginPage
from authserver.messages.site import View
from authserver.messages.token import ClientRequest, DeviceAuthorizationResponse, TokenResponse
from authserver.models.clients import DEVICE_CODE, Client
from authserver.models.tokens import DeviceRequest
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from tests.fakes import client, public_client
from tests.unit.server import App, Browser, Server

ON = ("authorization_code", "client_credentials", "refresh_token", "device_code")
OF_CLIENTS = (DEVICE_CODE, "refresh_token")
FORM = {"content-type": "application/x-www-form-urlencoded"}
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


def serving(*clients: Client, **settings: Any) -> Server:
    registered = clients or (client(grant_types=OF_CLIENTS), public_client(grant_types=OF_CLIENTS))
    return Server(*registered, **{"grant_types": ON, **settings})


@dataclass
class Tool:
    """A program without a browser."""

    app: App
    begun: DeviceAuthorizationResponse = field(init=False)

    def begin(self, resource: tuple[str, ...] = (), source: str = HERE, **form: str) -> DeviceAuthorizationResponse:
        parameters = {**({"client_id": self.app.client_id} if self.app.secret is None else {}), **form}
        request = ClientRequest(parameters, resource, self.app.authorization, source=source)
        self.begun = authorize_device(request, self.app.services)
        return self.begun

    def poll(self, resource: tuple[str, ...] = (), app: App | None = None, **form: str) -> TokenResponse:
        form = {"device_code": self.begun.device_code.reveal(), **form}
        return (app or self.app).token(DEVICE_CODE, resource, **form)

    @property
    def device(self) -> DeviceRequest:
        """What is stored."""
        credential = opaque.unseal(
            opaque.DEVICE_CODE, self.begun.device_code.reveal(), self.app.services.keys.token_keys(TOKEN_RING)
        )
        assert credential is not None
        device = self.app.server.tokens.device(credential.text("id"))
        assert device is not None
        return device


def public(server: Server) -> Tool:
    return Tool(App(server, "app", None))


class Person(Browser):
    """A person with a browser, to whom a device shows a code."""

    def at_device(self, source: str = HERE, handle: str = "", **form: Any) -> View | GoTo | DeviceAnswered:
        brought = {**self._brings(handle), "source": source}
        everything: dict[str, Any] = {**brought, **form}
        return self._keep(serve(DeviceForm(**everything), self.services))

    def type_code(self, code: str, **form: Any) -> View | GoTo | DeviceAnswered:
        return self.at_device(user_code=code, **form)

    def question(self, code: str, **form: str) -> tuple[str, View]:
        """The handle of the question whether this person started it, and the question."""
        step = self.type_code(code, **form)
        assert isinstance(step, GoTo), step
        assert step.page == "device"
        view = self.at_device(handle=step.request_handle, **form)
        assert isinstance(view, View)
        return step.request_handle, view

    def say(self, action: str, code: str) -> View | GoTo | DeviceAnswered:
        handle, view = self.question(code)
        return self.at_device(handle=handle, action=action, csrf=view.context["csrf"])

    def to_consent(self, code: str) -> tuple[str, ConsentPage]:
        """The handle of what waits to be allowed, and the page that asks."""
        step = self.say("confirm", code)
        assert isinstance(step, GoTo), step
        assert step.page == "login"
        handle = step.request_handle
        if isinstance(self.login_page(handle), LoginPage):
            self.sign_in(handle)
        page = self.consent_page(handle)
        assert isinstance(page, ConsentPage), page
        return handle, page

    def allow(self, code: str, decision: str = "allow", **form: Any) -> DeviceAnswered:
        handle, page = self.to_consent(code)
        answer = self.decide(handle, decision, csrf=page.csrf, **form)
        assert isinstance(answer, DeviceAnswered), answer
        return answer


def refused[E: OAuthError](kind: type[E], call: Callable[[], Any]) -> E:
    with pytest.raises(kind) as error:
        call()
    return error.value
