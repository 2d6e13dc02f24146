"""What a theme may be: colours that people can read, by themselves and in the dark; and how it is remembered."""

import re
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from authserver.errors import TemporarilyUnavailable
from authserver.management.admin import theme as management
from authserver.models.configuration import Theme
from authserver.pages.looks import STYLE, style_of
from authserver.theme import DARK, DEFAULT, FONTS, LIGHT, MAX_LOGO, complete, contrast, lighter, objections, on
from tests.unit.api import Api
from tests.unit.server import Server, all_at_once

PNG = b"\x89PNG\r\n\x1a\n"
SECONDS = 60


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def api(server: Server) -> Api:
    return Api(server, management.OPERATIONS, "operator")


def data_uri(octets: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{b64encode(octets).decode()}"


def refusal_of(api: Api, **document: Any) -> list[dict[str, str]]:
    answer = api.call("PUT", "/admin/theme", document)
    assert answer.status == 400, answer
    errors: list[dict[str, str]] = answer.document["errors"]
    return errors


# ------------------------------------------------------------------ contrast


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),  # the grey that just fails, and the one that just does not
        ("#767676", "#ffffff", 4.54),
        ("#0000ff", "#ffffff", 8.59),
        ("#ff0000", "#ffffff", 4.0),
        ("#00ff00", "#000000", 15.3),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


def test_the_default_theme_can_be_read_and_is_what_the_style_sheet_has() -> None:
    assert list(objections(DEFAULT)) == []
    light, dark = (dict(re.findall(r"--([\w-]+):([^;}]+)", part)) for part in STYLE.split("@media", 2)[:2])
    assert (light["accent"], light["on-accent"]) == (DEFAULT.accent, short(DEFAULT.on_accent))
    assert (dark["accent"], dark["on-accent"]) == (DEFAULT.accent_dark, DEFAULT.on_accent_dark)
    assert [(one["card"], one["paper"]) for one in (light, dark)] == [(short(g.card), g.paper) for g in (LIGHT, DARK)]
    assert (light["radius"], light["font"]) == (f".{DEFAULT.radius * 10 // 16}rem", FONTS[DEFAULT.font])


def short(colour: str) -> str:
    """As the style sheet writes it."""
    return "#fff" if colour == "#ffffff" else colour


def test_a_theme_is_in_the_style_after_what_it_replaces() -> None:
    theme = complete(
        Theme(accent="#7a1f5c", accent_dark="#ffb0e0", on_accent="", on_accent_dark="", radius=3, version=1)
    )
    style = style_of(replace(theme, font="serif"))
    assert style.startswith(STYLE)
    light, dark = style.removeprefix(STYLE).split("@media (prefers-color-scheme:dark)")
    assert light == f":root{{--accent:#7a1f5c;--on-accent:#ffffff;--radius:3px;--font:{FONTS['serif']}}}"
    assert dark == "{:root{--accent:#ffb0e0;--on-accent:#000000}}"
    assert style_of(DEFAULT) == STYLE


def test_what_is_chosen_for_an_accent_can_be_read_on_it_and_it_in_the_dark() -> None:
    steps = range(0, 256, 51)
    for colour in (f"#{red:02x}{green:02x}{blue:02x}" for red in steps for green in steps for blue in steps):
        assert contrast(on(colour), colour) >= 4.5, colour
        assert min(contrast(lighter(colour), ground) for ground in (DARK.card, DARK.paper)) >= 4.5, colour


def test_an_accent_that_is_light_enough_already_stays_as_it_is_in_the_dark() -> None:
    assert lighter("#9dbcff") == "#9dbcff"
    assert on("#1f4fbf") == "#ffffff"
    assert on("#ffd400") == "#000000"


def test_a_theme_is_completed_by_its_accent_and_keeps_what_it_has() -> None:
    bare = Theme(accent="#7a1f5c", on_accent="", accent_dark="", on_accent_dark="")
    made = complete(bare)
    assert (made.on_accent, made.accent_dark, made.on_accent_dark) == ("#ffffff", lighter("#7a1f5c"), "#000000")
    assert list(objections(made)) == []
    given = replace(bare, on_accent="#fff0f8", accent_dark="#ffb0e0", on_accent_dark="#200010")
    assert complete(given) == given


# ------------------------------------------------------------------ setting it


def test_there_is_a_theme_before_anybody_sets_one(api: Api) -> None:
    document = api.get("/admin/theme")
    assert (document["name"], document["accent"], document["version"]) == ("Authserver", DEFAULT.accent, 0)


def test_a_theme_is_set_whole_and_seen_within_a_minute(server: Server, api: Api) -> None:
    assert server.services.theme() == DEFAULT
    document = {"name": " Wonderland ", "accent": "#7A1F5C", "radius": 0, "font": "serif", "logo": data_uri(PNG)}
    answer = api.call("PUT", "/admin/theme", {**document, "support": "help@wonderland.example"})
    assert answer.document == {
        "name": "Wonderland",
        "logo": data_uri(PNG),
        "accent": "#7a1f5c",
        "on_accent": "#ffffff",
        "accent_dark": lighter("#7a1f5c"),
        "on_accent_dark": "#000000",
        "radius": 0,
        "font": "serif",
        "support": "help@wonderland.example",
        "version": 1,
    }
    assert api.get("/admin/theme") == answer.document
    assert server.services.theme() == DEFAULT
    server.clock.advance(SECONDS)
    assert server.services.theme().name == "Wonderland"
    assert api.call("PUT", "/admin/theme", {"name": "Oz"}).document["accent"] == DEFAULT.accent


def test_a_change_of_what_was_read_is_refused_once_somebody_else_has_changed_it(api: Api) -> None:
    read = api.get("/admin/theme")
    for _ in range(2):  # whose answer was lost may be sent again
        assert api.call("PUT", "/admin/theme", {**read, "name": "Oz"}).document == {**read, "name": "Oz", "version": 1}
    assert api.call("PUT", "/admin/theme", {**read, "name": "Wonderland"}).reason == "conflict"
    assert api.call("PUT", "/admin/theme", {**read, "version": 1}).document["version"] == 2


def test_of_those_who_set_what_they_read_one_succeeds(api: Api) -> None:
    statuses = all_at_once(lambda n: api.call("PUT", "/admin/theme", {"name": f"No {n}", "version": 0}).status)
    assert sorted(statuses) == [200, *[409] * 31]


def test_a_theme_that_was_removed_is_the_default_one_again(server: Server, api: Api) -> None:
    api.call("PUT", "/admin/theme", {"name": "Wonderland"})
    for _ in range(2):
        assert api.call("DELETE", "/admin/theme").status == 204
    assert api.get("/admin/theme")["name"] == "Authserver"
    assert server.services.theme() == DEFAULT


@pytest.mark.parametrize(
    ("colours", "field", "detail"),
    [
        (
            {"accent": "#1d4fb8", "on_accent": "#5577aa"},
            "on_accent",
            "button text #5577aa on accent #1d4fb8 has a contrast of 1.6 to 1; 4.5 to 1 is needed",
        ),
        (
            {"accent": "#ffd400"},
            "accent",
            "link text #ffd400 on cards #ffffff has a contrast of 1.4 to 1; 4.5 to 1 is needed",
        ),
        (
            {"accent": "#ffd400", "on_accent": "#ffffff"},
            "on_accent",
            "button text #ffffff on accent #ffd400 has a contrast of 1.4 to 1; 4.5 to 1 is needed",
        ),
        (
            {"accent_dark": "#1d4fb8"},
            "accent_dark",
            "link text #1d4fb8 on the page #121418 in the dark has a contrast of 2.5 to 1; 4.5 to 1 is needed",
        ),
        (
            {"accent_dark": "#9dbcff", "on_accent_dark": "#ffffff"},
            "on_accent_dark",
            "button text #ffffff on accent #9dbcff in the dark has a contrast of 1.8 to 1; 4.5 to 1 is needed",
        ),
    ],
)
def test_colours_that_cannot_be_read_are_refused_by_their_pair(
    colours: dict[str, str], field: str, detail: str, api: Api
) -> None:
    assert {"field": field, "detail": detail} in refusal_of(api, **colours)
    assert api.get("/admin/theme")["version"] == 0


def test_a_colour_that_is_readable_on_cards_alone_is_refused_for_the_page(api: Api) -> None:
    """#767676 has 4.54 to 1 on white, and 4.1 on the paper around it."""
    (error,) = refusal_of(api, accent="#767676", accent_dark="#9dbcff")
    assert LIGHT.paper in error["detail"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a" * 61),
        ("name", "a\nb"),
        ("accent", "red"),
        ("accent", "#fff"),
        ("accent", ""),
        ("accent", "#12345g"),
        ("on_accent", "#fff}*{"),
        ("accent_dark", "url(x)"),
        ("on_accent_dark", "#00000"),
        ("radius", -1),
        ("radius", 25),
        ("radius", 10**30),
        ("font", "Comic Sans, cursive"),
        ("support", "javascript:alert(1)"),
        ("support", "http://a.example/"),
        ("support", "a b@example.com"),
        ("support", "mailto:a@example.com"),
        ("logo", "https://a.example/logo.png"),
        ("logo", "data:image/svg+xml;base64,PHN2Zy8+"),
        ("logo", "data:text/html;base64,aGVsbG8="),
        ("logo", data_uri(b"GIF89a")),
        ("logo", data_uri(PNG, "svg+xml")),
        ("logo", data_uri(b"<svg onload=alert(1)>")),
        ("logo", data_uri(PNG + bytes(MAX_LOGO - len(PNG) + 1))),
        ("logo", data_uri(PNG) + '"onerror="alert(1)'),
        ("logo", data_uri(PNG)[:-2]),
        ("logo", "data:image/png;base64,iVBORw0K Ggo="),
    ],
)
def test_what_is_no_colour_font_or_logo_is_refused_by_its_field(field: str, value: Any, api: Api) -> None:
    assert {error["field"] for error in refusal_of(api, **{field: value})} == {field}


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        ("png", PNG + bytes(MAX_LOGO - len(PNG))),
        ("gif", b"GIF87a"),
        ("gif", b"GIF89a\x01"),
        ("jpeg", b"\xff\xd8\xff\xe0"),
        ("webp", b"RIFF\x00\x00\x00\x00WEBPVP8 "),
    ],
)
def test_a_small_picture_of_the_kind_that_it_says_is_a_logo(kind: str, octets: bytes, api: Api) -> None:
    logo = data_uri(octets, kind)
    assert api.call("PUT", "/admin/theme", {"logo": logo}).document["logo"] == logo


@pytest.mark.parametrize("support", ["", "help@a.example", "https://a.example/help?x=1"])
def test_support_is_an_address_or_a_page(support: str, api: Api) -> None:
    assert api.call("PUT", "/admin/theme", {"support": support}).document["support"] == support


# ------------------------------------------------------------------ remembering it


@pytest.mark.parametrize(
    ("tampered", "named"),
    [
        ({"accent": "#ffd400"}, "link text #ffd400 on cards #ffffff has a contrast of 1.4 to 1"),
        ({"on_accent": "#1f4fbf"}, "button text #1f4fbf on accent #1f4fbf has a contrast of 1.0 to 1"),
        ({"accent": "red;}body{display:none"}, "accent: must be a colour"),
        ({"logo": "https://evil.example/pixel.png"}, "logo: must be"),
        ({"font": "</style><script>"}, "font: must be"),
        ({"name": "", "radius": -5}, "radius: must be"),
    ],
)
def test_a_theme_that_was_tampered_with_is_not_used_and_the_log_says_why(
    tampered: dict[str, Any], named: str, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.configuration.put_theme(replace(Theme(name="Wonderland"), **tampered))
    assert server.services.theme() == DEFAULT
    assert server.services.theme() == DEFAULT
    line: Any
    (line,) = caplog.records
    assert named in " ".join(line.faults)


def test_a_page_never_fails_for_its_looks(server: Server) -> None:
    def unreachable(verb: str, call: Any) -> Any:
        raise TemporarilyUnavailable("The store did not answer", reason="test")

    def reachable(verb: str, call: Any) -> Any:
        return call()

    server.configuration.put_theme(Theme(name="Wonderland"))
    assert server.services.theme(remembered=True) == DEFAULT
    assert server.calls["configuration.theme"] == 0
    server.around = unreachable
    assert server.services.theme() == DEFAULT
    assert server.services.theme() == DEFAULT
    assert server.calls["configuration.theme"] == 1, "who was not answered does not ask for each page"
    server.around = reachable
    server.clock.advance(SECONDS)
    assert server.services.theme().name == "Wonderland"
    server.around = unreachable
    server.clock.advance(SECONDS)
    assert server.services.theme().name == "Wonderland"
