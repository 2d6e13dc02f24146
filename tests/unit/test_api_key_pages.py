"""The pages of API keys, of a person and of an organisation: by the rules of the API; the key is shown once, to its
maker."""

import re
from html import unescape
from types import ModuleType

import pytest

from authserver.errors import InvalidRequest
from authserver.models.organisations import ADMINISTRATOR, Membership
from authserver.site import FRESH, account, organisations, security
from tests import fakes
from tests.fakes import START
from tests.unit.pages import Reader, Shown
from tests.unit.server import with_settings
from tests.unit.test_api_keys import DAY, Keys, key_in

MINE, OURS = "/my/api-keys", "/organisations/acme/api-keys"
HOSTILE = "<img src=x onerror=alert(1)>\"'&"
FORM = {"name": "Nightly", "scope": "read", "days": "30"}


@pytest.fixture
def server() -> Keys:
    return Keys()


@pytest.fixture
def max_(server: Keys) -> Reader[Keys]:
    return Reader(server, account, "max")


@pytest.fixture
def ada(server: Keys) -> Reader[Keys]:
    """The administrator of Acme."""
    return Reader(server, organisations, "ada")


def told(page: Shown) -> str:
    """The key that a page shows."""
    assert page.status == 200, page.text
    found = re.search(r'<code id="api_key"[^>]*>([^<]*)</code>', page.html)
    assert found, page.text
    return unescape(found[1])


def another_administrator(server: Keys) -> Reader[Keys]:
    server.users.create(fakes.user(sub="ann", username="ann", name="Ann"))
    server.organisations.put_membership(Membership("acme", "ann", ADMINISTRATOR, server.clock(), "epoch of ann"))
    return Reader(server, organisations, "ann")


# ------------------------------------------------------------------ a person's


def test_person_makes_a_key_sees_it_once_and_ends_it(server: Keys, max_: Reader[Keys]) -> None:
    page = max_.act(f"{MINE}/new", "make", **FORM, networks="192.0.2.0/24\n 198.51.100.7")
    key = told(page)
    assert server.access(key, source="192.0.2.9").scope.tokens == ("read",)
    (made,) = server.api_keys.api_keys(subject="max").items
    assert (made.name, made.expires_at) == ("Nightly", START + 30 * DAY)
    assert made.networks == ("192.0.2.0/24", "198.51.100.7/32")
    listed = max_.get(MINE)
    assert key not in listed.html
    assert "192.0.2.0/24, 198.51.100.7/32" in listed.text
    assert max_.act(MINE, "end", api_key=made.id).done == "key-ended"
    assert server.refusal(key, source="192.0.2.9") == "unknown"
    assert "You have no API keys" in max_.get(MINE).text


def test_all_keys_of_a_person_end_at_once(server: Keys, max_: Reader[Keys]) -> None:
    keys = [told(max_.act(f"{MINE}/new", "make", **FORM)) for _ in range(2)]
    assert max_.act(MINE, "end-all").done == "keys-ended"
    assert [server.refusal(key) for key in keys] == ["ended", "ended"]
    assert max_.get(MINE).text.count("Ended") == 2


def test_key_without_a_choice_of_days_lives_as_long_as_the_deployment_lets_it(server: Keys, max_: Reader[Keys]) -> None:
    told(max_.act(f"{MINE}/new", "make", **FORM | {"days": "365"}))
    (made,) = server.api_keys.api_keys(subject="max").items
    assert made.expires_at == START + server.settings.api_key_lifetime


def test_form_that_is_submitted_twice_makes_one_key(server: Keys, max_: Reader[Keys]) -> None:
    told(max_.act(f"{MINE}/new", "make", **FORM, once="a mark"))
    again = max_.act(f"{MINE}/new", "make", **FORM, once="a mark")
    assert (again.status, again.reason) == (409, "made_before")
    assert len(server.api_keys.api_keys(subject="max").items) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": " "}, "Enter a name"),
        ({"scope": ()}, "Choose at least one permission"),
        ({"scope": "write"}, "of those that are offered here"),  # which no API key may have
        ({"scope": "export"}, "of those that are offered here"),  # which takes an administrator
        ({"scope": "account"}, "of those that are offered here"),  # an API of this server's own
        ({"days": "366"}, "Choose one of these"),
        ({"days": ""}, "Choose one of these"),
        ({"networks": "everywhere"}, "Enter up to 20 addresses"),
        ({"resource": "https://elsewhere.example"}, ""),
    ],
)
def test_what_cannot_be_is_said_beside_it(
    server: Keys, max_: Reader[Keys], change: dict[str, str | tuple[str, ...]], said: str
) -> None:
    page = max_.act(f"{MINE}/new", "make", None, **{**FORM, "name": HOSTILE, **change})
    assert page.status == 400
    assert said in page.text
    assert HOSTILE not in page.html
    assert not server.api_keys.api_keys(subject="max").items


def test_form_offers_what_api_keys_of_this_person_may_have(server: Keys, max_: Reader[Keys]) -> None:
    def offered(page: Shown) -> set[str]:
        return set(re.findall(r'name="scope" value="([^"]*)"', page.html))

    assert offered(max_.get(f"{MINE}/new")) == {"read"}
    assert offered(Reader(server, account, "root").get(f"{MINE}/new")) == {"read", "audit"}
    assert offered(Reader(server, organisations, "ada").get(f"{OURS}/new")) == {"read", "export"}


def test_name_of_a_key_is_text(max_: Reader[Keys]) -> None:
    assert HOSTILE not in max_.act(f"{MINE}/new", "make", **FORM | {"name": HOSTILE}).html
    assert HOSTILE not in max_.get(MINE).html


def test_nobody_ends_the_key_of_another(server: Keys, max_: Reader[Keys], ada: Reader[Keys]) -> None:
    theirs, key = server.make("mia"), server.make_for("acme")
    for reader, path in ((max_, MINE), (Reader(server, account, "ada"), MINE), (ada, OURS)):
        assert reader.act(path, "end", api_key=theirs.document["id"]).status == 404
    assert max_.act(MINE, "end", api_key=key.document["id"]).status == 404
    server.access(key_in(theirs))
    server.access(key_in(key))


# ------------------------------------------------------------------ an organisation's


def test_administrator_makes_a_key_for_companies_and_another_takes_it_over(server: Keys, ada: Reader[Keys]) -> None:
    key = told(ada.act(f"{OURS}/new", "make", **FORM, entities=("a1", "a2")))
    assert server.access(key).entities == ("a1", "a2")
    (made,) = server.api_keys.api_keys(organisation="acme").items
    ann = another_administrator(server)
    page = ann.get(OURS)
    assert "Ada" in page.text
    assert "A One, A Two" in page.text
    assert ann.act(OURS, "take-over", api_key=made.id).done == "key-taken-over"
    ada.act("/organisations/acme", "leave")
    assert server.access(key).subject == "ann"
    assert ann.act(OURS, "end", api_key=made.id).done == "key-ended"
    assert server.refusal(key) == "unknown"


def test_key_for_every_company_names_no_other(server: Keys, ada: Reader[Keys]) -> None:
    key = told(ada.act(f"{OURS}/new", "make", **FORM, entities=("a1", "*")))
    assert server.access(key).every_entity
    for entities in ((), "g1"):
        page = ada.act(f"{OURS}/new", "make", **FORM, entities=entities)
        assert page.status == 400
        assert "Choose at least one company" in page.text


def test_key_that_fell_is_shown_and_taken_over_by_nobody(server: Keys, ada: Reader[Keys]) -> None:
    ann = another_administrator(server)
    key = server.make_for(by="ann").document["id"]
    ann.act("/organisations/acme", "leave")
    page = ada.get(OURS)
    assert "Ended" in page.text
    assert "Take over" not in page.text
    assert ada.act(OURS, "take-over", api_key=key).status == 409


def test_only_administrators_see_the_keys_of_an_organisation(server: Keys) -> None:
    key = server.make_for("acme")
    member, stranger = (Reader(server, organisations, name) for name in ("max", "gil"))
    for reader, status in ((member, 403), (stranger, 404)):
        for path in (OURS, f"{OURS}/new"):
            assert reader.get(path).status == status
            assert "Ours" not in reader.get(path).text
    token = re.search(r'name="csrf" value="([^"]*)"', member.get("/organisations").html)
    assert token
    for path, action, form in (
        (OURS, "end", {"api_key": key.document["id"]}),
        (OURS, "take-over", {"api_key": key.document["id"]}),
        (f"{OURS}/new", "make", {**FORM, "entities": "a1"}),
    ):
        assert member.act(path, action, token[1], **form).status == 403
    assert len(server.api_keys.api_keys(organisation="acme").items) == 1
    assert "API keys" not in member.get("/organisations/acme").text


def test_organisation_that_may_have_none_is_offered_none(server: Keys, ada: Reader[Keys]) -> None:
    server.make_for("acme")
    server.withdrawals.change_organisation("acme", api_keys=False)
    page = ada.get(OURS)
    assert "does not let the organisation have API keys" in page.text
    assert "Make an API key" not in page.text
    assert ada.get(f"{OURS}/new").status == 403


# ------------------------------------------------------------------ who may, and where


@pytest.mark.parametrize(("site", "name", "path"), [(account, "max", MINE), (organisations, "ada", OURS)])
def test_making_and_taking_over_take_a_sign_in_of_the_last_minutes(
    server: Keys, site: ModuleType, name: str, path: str
) -> None:
    reader = Reader(server, site, name)
    another_administrator(server)
    key = server.make_for(by="ann").document["id"]
    token = re.search(r'name="csrf" value="([^"]*)"', reader.get(path).html)
    assert token
    server.clock.advance(FRESH)
    assert reader.get(path).status == 200
    assert "login" in reader.get(f"{path}/new").location
    assert "login" in reader.act(f"{path}/new", "make", token[1], **FORM, entities="a1").location
    if site is organisations:
        assert "login" in reader.act(path, "take-over", token[1], api_key=key).location
        (one,) = server.api_keys.api_keys(organisation="acme").items
        assert one.subject == "ann"
    assert not server.api_keys.api_keys(subject=name).items


@pytest.mark.rfc("9700", "4.7")
def test_forms_of_nobody_and_of_another_session_are_refused(server: Keys, max_: Reader[Keys]) -> None:
    key = server.make()
    theirs = re.search(r'name="csrf" value="([^"]*)"', Reader(server, account, "max").get(MINE).html)
    assert theirs
    for csrf in ("", "x", theirs[1]):
        for path, action in ((MINE, "end"), (MINE, "end-all"), (f"{MINE}/new", "make")):
            with pytest.raises(InvalidRequest):
                max_.act(path, action, csrf, **FORM, api_key=key.document["id"])
    server.access(key_in(key))


@pytest.mark.parametrize(
    ("site", "name", "path", "others"),
    [
        (account, "max", MINE, ("/my", "/my/apps", "/my/sessions", "/my/delete")),
        (organisations, "ada", OURS, ("/organisations/acme", "/organisations/acme/members/ada")),
        (security, "max", "", ("/my/security/password",)),
    ],
)
def test_where_there_are_none_no_page_is_about_them(
    site: ModuleType, name: str, path: str, others: tuple[str, ...]
) -> None:
    there, here = (Reader(Keys(api_keys=on, deletes_accounts=True), site, name) for on in (True, False))
    for one in (path, f"{path}/new") if path else ():
        page = here.get(one)
        assert page.status == 404
        assert "API key" not in page.text
    for one in others:
        assert "API keys" in there.get(one).text
        assert "API key" not in here.get(one).text


def test_pages_that_end_much_say_what_becomes_of_api_keys(server: Keys, ada: Reader[Keys]) -> None:
    with_settings(server, deletes_accounts=True)
    server.connect_personally("max")  # in another browser
    max_ = Reader(server, account, "max")
    for path in ("/my/sessions", "/my/apps"):
        assert "API keys go on working" in max_.get(path).text
    assert "All your API keys stop working" in max_.get("/my/delete").text
    assert "API keys go on working" in Reader(server, security, "max").get("/my/security/password").text
    for path in ("/organisations/acme", "/organisations/acme/members/ada"):
        assert "The API keys that you carry" in ada.get(path).text
