"""People with second factors, as these tests need them: what their accounts have, and how they sign in with it."""

import json
import re
from dataclasses import replace
from html import unescape
from typing import Any

from pyotp import TOTP

from authserver.aws.kms import KmsOpener
from authserver.identity.recovery_codes import hash_of
from authserver.models.factors import Factors, Passkey, Totp
from authserver.tokens.opaque import key_of
from authserver.values import base64url
from tests.authenticator import Authenticator
from tests.functions.gateway import Answer
from tests.functions.given import stores_of
from tests.functions.journey import Browser, hidden_fields, native
from tests.functions.world import World

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
RECOVERY_CODE = "0123-4567-89ab-cdef"
OPTIONS = re.compile(r'data-options="([^"]*)"')


def subject_of(world: World, username: str = "alice") -> str:
    users = world.aws.items("UsersTable").items()
    (subject,) = (key.removeprefix("user#") for key, item in users if item.get("username") == {"S": username})
    return subject


def give_factors(world: World, *passkeys: Passkey) -> None:
    """Alice gets an authenticator app, a recovery code and these passkeys."""
    subject, key = subject_of(world), world.environment("login")["KMS_KEY"]
    world.aws.caller = "an operator"
    opener = KmsOpener(world.aws.service("kms"), key)
    totp = Totp(opener.wrap(SECRET.encode(), ring="factor", kid=subject), int(world.clock.time()))
    factors = Factors(subject, totp, frozenset({hash_of(RECOVERY_CODE)}), passkeys)
    assert stores_of(world).factors.replace(factors)


def give_passkey(world: World, device: Authenticator) -> None:
    """Beside them the passkey of `device`."""
    device.belongs_to(key_of(subject_of(world)))
    give_factors(world, Passkey(device.id, device.public_key, "A device", int(world.clock.time())))


def code_now(world: World) -> str:
    return TOTP(SECRET).at(int(world.clock.time()))


def at_code(browser: Browser) -> Answer:
    """The page that asks for a code, once the password was right."""
    return browser.follow(browser.sign_in(browser.follow(browser.authorize(native(browser.gateway).request()))))


def enter(browser: Browser, page: Answer, **form: str) -> Answer:
    return browser.send("POST", "/login/code", form=hidden_fields(page) | form)


def options_of(page: Answer) -> dict[str, Any]:
    """What the sign-in page asks of a passkey."""
    found = OPTIONS.search(page.body)
    assert found, page
    options: dict[str, Any] = json.loads(unescape(found[1]))
    return options


def present(browser: Browser, page: Answer, credential: str) -> Answer:
    return browser.send("POST", "/login/passkey", form=hidden_fields(page) | {"credential": credential})


def factors_of(world: World) -> Factors:
    factors = stores_of(world).factors.get(base64url(key_of(subject_of(world))))
    assert factors
    return replace(factors)
