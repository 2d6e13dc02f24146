"""What members connected for an organisation: a list in parts, however much there is of it."""

from typing import Any

import pytest

from authserver.site import organisations
from tests import fakes
from tests.unit.api import Api
from tests.unit.pages import Reader
from tests.unit.server import App, Browser
from tests.unit.tenants import Tenants

LIST = "/account/organisations/acme/applications"
PAGES = "/organisations/acme"
OTHERS = ("alpha", "beta")


@pytest.fixture
def server() -> Tenants:
    server = Tenants()
    for name in OTHERS:
        server.clients.put(
            fakes.client(client_id=name, client_name=name.title(), preferred_subject_type="organisation")
        )
    return server


@pytest.fixture
def ada(server: Tenants) -> Api:
    """The administrator of Acme."""
    return server.account("ada")


def connect(server: Tenants, name: str, client_id: str = "web") -> str:
    """Connects a client for a company of Acme; the identifier of the authorization."""
    server.clock.advance(1)
    browser = Browser(server, name)
    pending: Any = browser.authorize((), frozenset(), client_id=client_id, scope="openid read")
    signed_in: Any = browser.sign_in(pending.request_handle)
    answer: Any = browser.decide(signed_in.request_handle, organisation="acme", entities=("a1",))
    tokens = App(server, client_id).exchange(answer.parameters["code"])
    return server.authorization_of(tokens.refresh_token or "").id


def grants(applications: list[dict[str, Any]]) -> list[str]:
    return [grant["id"] for one in applications for grant in one["grants"]]


def parts(api: Api, limit: int) -> list[list[dict[str, Any]]]:
    found, query = [], {"limit": str(limit)}
    while True:
        part = api.get(LIST, **query)
        found.append(part["items"])
        if "next" not in part:
            return found
        query["cursor"] = part["next"]


def test_the_list_comes_in_parts_that_together_have_everything(server: Tenants, ada: Api) -> None:
    made = [connect(server, name, client_id) for name in ("max", "mia") for client_id in ("web", *OTHERS)]
    found = parts(ada, 2)
    assert len(found) >= 3
    assert all(len(grants(part)) <= 2 for part in found)
    assert sorted(one for part in found for one in grants(part)) == sorted(made)


def test_an_application_is_once_in_a_part_with_its_grants_there(server: Tenants, ada: Api) -> None:
    made = [connect(server, name) for name in ("max", "mia")]
    (application,) = ada.get(LIST)["items"]
    assert (application["client_id"], grants([application])) == ("web", made[::-1])
    assert "remembered" not in application
    assert [[one["client_id"] for one in part] for part in parts(ada, 1) if part] == [["web"], ["web"]]


def test_a_part_is_by_name(server: Tenants, ada: Api) -> None:
    for client_id in ("web", *reversed(OTHERS)):
        connect(server, "max", client_id)
    assert [one["name"] for one in ada.get(LIST)["items"]] == ["A web application", "Alpha", "Beta"]


def test_what_is_over_is_in_no_part(server: Tenants, ada: Api) -> None:
    over, alive = connect(server, "max"), connect(server, "mia")
    server.withdrawals.revoke(over, server.clock())
    assert [one for part in parts(ada, 1) for one in grants(part)] == [alive]


def test_a_limit_or_a_cursor_that_is_none_is_refused(ada: Api) -> None:
    assert ada.call("GET", LIST, limit="0").fields == {"limit"}
    assert ada.call("GET", LIST, limit="101").fields == {"limit"}
    assert ada.call("GET", LIST, cursor="x").fields == {"cursor"}


def test_a_cursor_of_one_organisation_opens_nothing_of_another(server: Tenants, ada: Api) -> None:
    for _ in range(2):
        connect(server, "max")
    cursor = ada.get(LIST, limit="1")["next"]
    answer = server.account("gil").call("GET", "/account/organisations/globex/applications", cursor=cursor)
    assert answer.status == 400 or answer.document["items"] == []


def test_members_clients_and_ends_are_each_looked_up_together(server: Tenants, ada: Api) -> None:
    for _ in range(3):
        for client_id in ("web", *OTHERS):
            connect(server, "max", client_id)
    server.calls.clear()
    assert len(grants(ada.get(LIST)["items"])) == 9
    assert server.calls["users.get"] == 1  # the caller
    for verb in ("users.get_all", "clients.get_all", "tokens.ends_of", "tokens.authorizations"):
        assert server.calls[verb] == 1
    assert sum(server.calls.values()) == 7  # with the caller's organisation and membership


# ------------------------------------------------------------------ on the pages


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that looks through no more than two grants at a time."""
    monkeypatch.setattr(organisations, "LONGEST", "2")


def reader(server: Tenants) -> Reader[Tenants]:
    return Reader(server, organisations, "ada")


def more_of(html: str) -> str:
    found = html.partition('href="?after=')[2].partition('"')[0]
    return f"?after={found}" if found else ""


def test_the_page_has_all_of_what_a_person_looks_through(server: Tenants) -> None:
    for name in ("max", "mia"):
        for client_id in ("web", *OTHERS):
            connect(server, name, client_id)
    page = reader(server).get(f"{PAGES}/apps")
    assert page.text.count("connected by 2 members") == 3
    assert not more_of(page.html)


@pytest.mark.usefixtures("few")
def test_of_more_the_page_leads_on_to_the_rest(server: Tenants) -> None:
    for client_id in ("web", *OTHERS):
        connect(server, "max", client_id)
    ada = reader(server)
    first = ada.get(f"{PAGES}/apps")
    second = ada.get(f"{PAGES}/apps{more_of(first.html)}")
    seen = [[name for name in ("A web application", "Alpha", "Beta") if name in page.text] for page in (first, second)]
    assert sorted(seen[0] + seen[1]) == ["A web application", "Alpha", "Beta"]
    assert [len(one) for one in seen] == [2, 1]
    assert not more_of(second.html)
    for page in (first, second):
        (link, *_) = [one.partition('"')[0] for one in page.html.split('href="../../')[1:] if "/apps/" in one[:60]]
        assert ada.get(f"/{link}").status == 200, link


@pytest.mark.usefixtures("few")
def test_who_changes_companies_comes_back_to_the_same_part(server: Tenants) -> None:
    for client_id in ("web", *OTHERS):
        connect(server, "max", client_id)
    ada = reader(server)
    after = more_of(ada.get(f"{PAGES}/apps").html)
    (client_id,) = [one for one in ("web", *OTHERS) if ada.get(f"{PAGES}/apps/{one}{after}").status == 200]
    assert ada.get(f"{PAGES}/apps/{client_id}").status == 404
    page = ada.get(f"{PAGES}/apps/{client_id}{after}")
    grant = page.html.partition('name="grant" value="')[2].partition('"')[0]
    changed = ada.act(f"{PAGES}/apps/{client_id}{after}", "companies", grant=grant, entities=("a2",))
    assert (changed.status, changed.done) == (303, "companies")
    back = f"/{changed.location.removeprefix('../../../')}"
    assert "A Two" in ada.get(back).text


@pytest.mark.usefixtures("few")
def test_pages_that_do_not_show_everything_say_so(server: Tenants) -> None:
    for name in ("max", "mia", "ada"):
        connect(server, name)
    ada = reader(server)
    assert "1+ Connected apps" in ada.get(PAGES).text
    assert "There is more than is shown here." in ada.get(f"{PAGES}/apps/web").text
    companies = ada.get(f"{PAGES}/companies").text
    assert "There is more than is shown here." in companies
    assert "No app reaches it" not in companies


def test_pages_that_show_everything_say_nothing_of_more(server: Tenants) -> None:
    connect(server, "max")
    ada = reader(server)
    assert "1 Connected apps" in ada.get(PAGES).text
    for page in ("apps/web", "companies"):
        assert "There is more" not in ada.get(f"{PAGES}/{page}").text
    assert ada.get(f"{PAGES}/companies").text.count("No app reaches it") == 2


@pytest.mark.parametrize("page", ["apps", "apps/web", "members"])
def test_a_place_in_a_list_that_is_none_is_not_found(server: Tenants, page: str) -> None:
    connect(server, "max")
    assert reader(server).get(f"{PAGES}/{page}?after=x").status == 404
