"""The numbers of docs/limits.md are those of the template and of the code."""

import re

import pytest

from authserver import values
from authserver.documents import organisation
from authserver.grants import MAX_RESOURCES_ASKED
from authserver.identity import claims, passkeys
from authserver.management import MAX_BODY, MAX_PAGE, api_keys, client_records
from authserver.management.account import members
from authserver.management.admin import resources, scopes
from authserver.management.partner import operations as partner
from authserver.models import webhooks
from authserver.storage import users
from authserver.tokens import jwt
from authserver.wire import forms
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
TEMPLATE = (ROOT / "template.yaml").read_text(encoding="utf-8")
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "year": 365 * 86_400}
LIFETIMES = {
    "access token": "AccessTokenLifetime",
    "authorization code": "CodeLifetime",
    "refresh token that is not used": "RefreshTokenIdleLifetime",
    "authorization, however often it is refreshed": "RefreshTokenLifetime",
    "session of a browser": "SessionLifetime",
    "remembered consent": "ConsentLifetime",
}
SIZES = {
    "body of a management API call": (MAX_BODY,),
    "form at a protocol endpoint": (forms.MAX_FORM, forms.MAX_FIELDS),
    "JWT that is accepted": (jwt.MAX_LENGTH,),
    "redirect URI": (values.MAX_URI_LENGTH,),
    "resources in one request": (MAX_RESOURCES_ASKED,),
    "scopes in the catalogue": (scopes.MAX_SCOPES,),
    "resources that are stored": (resources.MAX_RESOURCES, resources.MAX_OCTETS),
    "attributes of one user": (claims.MAX_ATTRIBUTES, claims.MAX_STORED),
    "identities of a user at identity providers": (users.MOST_IDENTITIES,),
    "passkeys of a user": (passkeys.MAX_PASSKEYS,),
    "companies of an organisation": (organisation.MAX_COMPANIES,),
    "invitations that wait for an answer, of one organisation": (members.MAX_INVITATIONS,),
    "API keys of a user, a client or an organisation": (api_keys.MOST_KEYS,),
    "secrets of a client that work at a time": (client_records.MAX_LIVE_SECRETS,),
    "webhooks": (webhooks.MOST,),
    "apps of a partner": (partner.MAX_APPS, partner.NEW_APPS_A_DAY),
    "items in one part of a list": (MAX_PAGE,),
}


def row(name: str) -> str:
    [rest] = re.findall(rf"^\| {re.escape(name)} \| (.+) \|$", PAGE, re.MULTILINE)
    return str(rest)


def parameter(name: str, key: str) -> int:
    [described] = re.findall(rf"^  {name}:\n((?:    .*\n)+)", TEMPLATE, re.MULTILINE)
    [value] = re.findall(rf"^    {key}: (\d+)", described, re.MULTILINE)
    return int(value)


def duration(text: str) -> int:
    if text == "none":
        return 0
    number, unit = text.split()
    return int(number) * SECONDS[unit.removesuffix("s")]


@pytest.mark.parametrize("name", LIFETIMES)
def test_a_lifetime_is_the_templates(name: str) -> None:
    default, allowed = row(name).split(" | ")
    told = [duration(default), *map(duration, allowed.split(" to "))]
    assert told == [parameter(LIFETIMES[name], key) for key in ("Default", "MinValue", "MaxValue")]


def test_the_lifetime_of_api_keys_is_the_templates() -> None:
    numbers = [int(number.replace(",", "")) for number in re.findall(r"[\d,]+", row("API key"))]
    assert numbers == [parameter("ApiKeyDays", key) for key in ("Default", "MinValue", "MaxValue")]


@pytest.mark.parametrize("name", SIZES)
def test_a_size_is_the_codes(name: str) -> None:
    assert tuple(int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", row(name))) == SIZES[name]


def test_every_size_and_lifetime_has_its_source() -> None:
    sizes = PAGE.partition("## Sizes and counts")[2].partition("## Rates")[0]
    assert set(re.findall(r"^\| ([^|]+) \|", sizes, re.MULTILINE)) - {"what", "---"} == set(SIZES)
    lifetimes = PAGE.partition("## Lifetimes")[2].partition("## Sizes")[0]
    assert set(re.findall(r"^\| ([^|]+) \|", lifetimes, re.MULTILINE)) - {"what", "---"} == {*LIFETIMES, "API key"}
