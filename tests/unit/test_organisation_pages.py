"""The pages of an organisation: who sees which, what their forms do, and to whom."""

import re
from dataclasses import replace

import pytest

from authserver.errors import InvalidRequest
from authserver.models import DISABLED
from authserver.models.configuration import IdentityProvider
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership
from authserver.scopes import ScopeCatalogue, ScopeDefinition
from authserver.site import FRESH, organisations
from tests import fakes
from tests.contract.records import api_key
from tests.unit.pages import Reader, Shown
from tests.unit.tenants import CATALOGUE, Tenants

ACME, GLOBEX = "/organisations/acme", "/organisations/globex"
HOSTILE = "<img src=x onerror=alert(1)>\"'&"


@pytest.fixture
def server() -> Tenants:
    server = Tenants(api_keys=True)
    provider = IdentityProvider(
        "work",
        "Work",
        "https://idp.example",
        "authserver",
        b"wrapped",
        domains=("acme.example",),
        organisation="acme",
        claims={"name": "displayName"},
        sign_up=True,
        trusts_email=True,
        shown=False,
    )
    server.identity_providers.put(provider)
    return server


@pytest.fixture
def ada(server: Tenants) -> Reader[Tenants]:
    """The administrator of Acme."""
    return reader(server, "ada")


def reader(server: Tenants, name: str) -> Reader[Tenants]:
    return Reader(server, organisations, name)


def role(server: Tenants, name: str, organisation: str = "acme") -> str | None:
    membership = server.organisations.membership(organisation, name)
    return membership.role if membership else None


def asked(server: Tenants, *entities: str) -> str:
    """The path of what max asks for."""
    server.choose("max", *(entities or ("a1",)), scope="openid export")
    (found,) = re.findall(
        r'organisations/acme/(requests/[^"]{20,})"', reader(server, "ada").get(f"{ACME}/requests").html
    )
    return f"{ACME}/{found}"


def everything(server: Tenants) -> list[tuple[str, str, dict[str, str | tuple[str, ...]]]]:
    """Every page that takes an administrator of Acme, with each of its forms; an empty action is the page itself."""
    connection = server.connect("max", "a1", "a2")
    invited = reader(server, "ada")
    invited.act(f"{ACME}/invite", "invite", name="zed")
    (invitation,) = server.organisations.invitations_of("acme").items
    key = api_key(subject="ada", organisation="acme", entities=frozenset({"a1"}))
    assert server.api_keys.create(key)
    form: dict[str, str | tuple[str, ...]] = {"grant": connection.id, "entities": "a3"}
    provider = {"name": "Evil", "issuer": "https://evil.example", "client_id": "evil", "client_secret": "evil"}
    return [
        (f"{ACME}/members", "", {}),
        (f"{ACME}/members", "withdraw", {"invitation": invitation.id}),
        (f"{ACME}/members/max", "", {}),
        (f"{ACME}/members/max", "role", {"role": "administrator"}),
        (f"{ACME}/members/max", "groups", {"groups": "guests"}),
        (f"{ACME}/members/max", "remove", {}),
        (f"{ACME}/invite", "", {}),
        (f"{ACME}/invite", "invite", {"name": "eve", "role": "administrator"}),
        (f"{ACME}/sign-in", "", {}),
        (f"{ACME}/sign-in/work", "", {}),
        (f"{ACME}/sign-in/work", "change", {**provider, "token_endpoint_auth_method": "client_secret_basic"}),
        (f"{ACME}/apps", "", {}),
        (f"{ACME}/apps/web", "", {}),
        (f"{ACME}/apps/web", "companies", form),
        (f"{ACME}/apps/web", "disconnect", {}),
        (f"{ACME}/api-keys", "", {}),
        (f"{ACME}/api-keys", "end", {"api_key": key.id}),
        (f"{ACME}/api-keys", "take-over", {"api_key": key.id}),
        (f"{ACME}/api-keys/new", "", {}),
        (f"{ACME}/api-keys/new", "make", {"name": "Evil", "scope": "read", "days": "30", "entities": "*"}),
        (f"{ACME}/requests", "", {}),
        (asked(server), "", {}),
        (asked(server), "allow", {}),
        (asked(server), "deny", {}),
        (asked(server), "withdraw", {}),
    ]


def state(server: Tenants) -> object:
    """All of Acme that these pages change."""
    return (
        [
            (one.subject, one.role, one.groups)
            for one in server.organisations.members_of("acme").items
            if one.subject != "ada"
        ],
        server.organisations.invitations_of("acme").items,
        server.identity_providers.get("work"),
        [(one.id, one.entities, one.revoked_at) for one in server.tokens.authorizations(organisation="acme").items],
        server.browsers.approvals("acme").items,
        server.api_keys.api_keys(organisation="acme").items,
    )


def send(person: Reader[Tenants], path: str, action: str, form: dict[str, str | tuple[str, ...]], csrf: str) -> Shown:
    return person.act(path, action, csrf, **form) if action else person.get(path)


def token_of(person: Reader[Tenants]) -> str:
    """What binds any form of theirs to their session."""
    found = re.search(
        r'name="csrf" value="([^"]*)"', person.get(ACME if role(person.server, person.name) else GLOBEX).html
    )
    assert found
    return found[1]


# ------------------------------------------------------------------ who may


def test_every_page_and_form_is_among_everything(server: Tenants) -> None:
    """But for those that every member has."""
    tried = everything(server)
    routes = {(path.count("/"), re.sub("^.*/acme/([^/]*).*", r"\1", path), action) for path, action, _ in tried}
    screens = {
        (screen.route.count("/"), screen.route.split("/")[3], action)
        for screen in organisations.SCREENS
        for action in ("", *screen.acts)
        if screen.route.startswith(f"{organisations.ONE}/") and not screen.route.endswith("/companies")
    }
    assert routes == screens


def test_an_administrator_of_another_finds_none_of_it(server: Tenants) -> None:
    tried, gil = everything(server), reader(server, "gil")
    before, csrf = state(server), token_of(gil)
    for path, action, form in [*tried, (ACME, "", {}), (ACME, "leave", {}), (f"{ACME}/companies", "", {})]:
        answer = send(gil, path, action, form, csrf)
        assert answer.status == 404, (path, action)
        assert "Acme" not in answer.text
    assert state(server) == before


def test_what_is_of_one_organisation_is_not_reached_by_way_of_another(server: Tenants) -> None:
    """Gil administers Globex, and names what is Acme's there."""
    tried, gil = everything(server), reader(server, "gil")
    before, csrf = state(server), token_of(gil)
    for path, action, form in tried:
        is_of_one = path.count("/") > 3 and not path.endswith("/new")
        if is_of_one or action in ("withdraw", "end", "take-over"):
            answer = send(gil, path.replace("acme", "globex"), action, form, csrf)
            assert answer.status in (404, 409) or action in ("disconnect", "remove"), (path, action)
    assert state(server) == before


def test_a_member_is_told_that_it_takes_an_administrator(server: Tenants) -> None:
    tried, mia = everything(server), reader(server, "mia")
    before, csrf = state(server), token_of(mia)
    for path, action, form in tried:
        answer = send(mia, path, action, form, csrf)
        if path == f"{ACME}/requests":
            assert "Nothing waits for an answer." in answer.text  # of her own; the others' are none of hers
            assert "A web application" not in answer.text
            continue
        assert answer.status == 403, (path, action)
        assert "Only an administrator of the organisation may do this" in answer.notices
    assert state(server) == before


def test_who_is_demoted_while_a_page_is_open_does_nothing_more(server: Tenants, ada: Reader[Tenants]) -> None:
    tried = everything(server)
    before, csrf = state(server), token_of(ada)
    server.organisations.put_membership(Membership("acme", "ada", MEMBER, server.clock()))
    for path, action, form in tried:
        answer = send(ada, path, action, form, csrf)
        assert answer.status == 403 or (path == f"{ACME}/requests" and "A web application" not in answer.text), path
    assert state(server) == before


@pytest.mark.rfc("6749", "10.12")
def test_a_form_that_is_not_ours_does_nothing(server: Tenants, ada: Reader[Tenants]) -> None:
    tried = everything(server)
    before, foreign = state(server), token_of(reader(server, "gil"))
    for path, action, form in tried:
        for csrf in ("", "x", foreign) if action else ():
            with pytest.raises(InvalidRequest):
                ada.act(path, action, csrf, **form)
    assert state(server) == before


def test_who_is_not_signed_in_is_sent_to_do_so_and_nothing_is_done(server: Tenants, ada: Reader[Tenants]) -> None:
    tried = everything(server)
    before, ada.browser.session = state(server), None
    for path, action, form in tried:
        answer = send(ada, path, action, form, "x")
        assert (answer.status, "login?request=rq_" in answer.location) == (303, True)
    assert state(server) == before


@pytest.mark.parametrize("path", [f"{ACME}/members/max", f"{ACME}/invite", f"{ACME}/sign-in/work"])
def test_what_decides_who_comes_in_takes_a_new_sign_in(server: Tenants, ada: Reader[Tenants], path: str) -> None:
    assert ada.get(path).status == 200
    server.clock.advance(FRESH)
    assert "login?request=rq_" in ada.get(path).location
    assert ada.get(f"{ACME}/members").status == 200
    ada.sign_in()
    assert ada.get(path).status == 200


def test_a_disabled_organisation_is_not_there(server: Tenants, ada: Reader[Tenants]) -> None:
    server.withdrawals.change_organisation("acme", status=DISABLED)
    assert ada.get(ACME).status == 404
    assert "Acme" not in ada.get("/organisations").text


# ------------------------------------------------------------------ every member


def test_people_see_their_organisations_and_their_role(server: Tenants, ada: Reader[Tenants]) -> None:
    assert "Acme 3 companies Administrator" in ada.get("/organisations").text
    assert "Globex" not in ada.get("/organisations").text
    server.users.create(fakes.user(sub="zoe", username="zoe"))
    assert "You are not a member of an organisation." in reader(server, "zoe").get("/organisations").text


def test_a_member_sees_what_concerns_members(server: Tenants) -> None:
    server.connect("mia", "a1")
    max_ = reader(server, "max")
    page = max_.get(ACME)
    assert "Administrators They invite members" in page.text
    assert "Ada" in page.text
    for name in ("A One", "A Two", "A Three"):
        assert name in page.text
    for hidden in ("Connected apps", "Sign-in", "Mia"):
        assert hidden not in page.text
    assert "Reached by" not in max_.get(f"{ACME}/companies").text


def test_an_administrator_sees_what_waits(server: Tenants, ada: Reader[Tenants]) -> None:
    server.connect("max", "a1", "a2")
    asked(server)
    assert "1 request waits for an answer 3 Members 3 Companies 1 Connected apps 1 Open requests" in ada.get(ACME).text
    assert "A One a1 Reached by" in ada.get(f"{ACME}/companies").text
    assert "A Three a3 No app reaches it" in ada.get(f"{ACME}/companies").text


def test_a_member_leaves_and_the_last_administrator_does_not(server: Tenants, ada: Reader[Tenants]) -> None:
    left = reader(server, "max").act(ACME, "leave")
    assert (left.status, left.location, left.done) == (303, "../organisations?done=left", "left")
    assert role(server, "max") is None
    refused = ada.act(ACME, "leave")
    assert refused.status == 409
    assert refused.notices == ["An organisation needs an administrator; make somebody else one first"]
    assert role(server, "ada") == ADMINISTRATOR


@pytest.mark.parametrize(("action", "done", "now"), [("accept", "accepted", MEMBER), ("decline", "declined", None)])
def test_an_invitation_is_answered(
    server: Tenants, ada: Reader[Tenants], action: str, done: str, now: str | None
) -> None:
    assert ada.act(f"{ACME}/invite", "invite", name="Gus", role="member").done == "invited"
    gus = reader(server, "gus")
    page = gus.get("/organisations")
    assert "Ada invites you to be a member." in page.text
    (invitation,) = re.findall(r'name="invitation" value="([^"]*)"', page.html)[:1]
    csrf = token_of(gus)
    assert gus.act("/organisations", action, csrf, invitation=invitation).done == done
    assert role(server, "gus") == now
    again = gus.act("/organisations", action, csrf, invitation=invitation)
    assert (again.status, again.notices) == (404, [organisations.INVITATION_OVER])


# ------------------------------------------------------------------ members


def test_an_invitation_says_the_same_of_everybody(server: Tenants, ada: Reader[Tenants]) -> None:
    said = {
        (ada.act(f"{ACME}/invite", "invite", name=name, role="member").location) for name in ("gus", "nobody", "max")
    }
    assert said == {"../../organisations/acme/members?done=invited"}
    assert ada.get(f"{ACME}/members?done=invited").notices == [organisations.NOTICES["invited"]]


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\nb"])
def test_an_invitation_of_no_name_says_what_is_wrong(server: Tenants, ada: Reader[Tenants], name: str) -> None:
    page = ada.act(f"{ACME}/invite", "invite", name=name, role="administrator")
    assert page.status == 400
    assert organisations.NO_NAME in page.text
    assert re.search(r'value="administrator" checked', page.html)
    assert page.html.count('aria-invalid="true"') == 1
    assert server.organisations.invitations_of("acme").items == ()


def test_an_expired_invitation_is_shown_as_such(server: Tenants, ada: Reader[Tenants]) -> None:
    ada.act(f"{ACME}/invite", "invite", name="gus")
    server.clock.advance(15 * 86_400)
    ada.sign_in()
    assert "gus Ada, " in ada.get(f"{ACME}/members").text
    assert "Expired" in ada.get(f"{ACME}/members").text


def test_a_member_is_promoted_demoted_and_removed(server: Tenants, ada: Reader[Tenants]) -> None:
    one = f"{ACME}/members/max"
    for wanted in (ADMINISTRATOR, MEMBER):
        assert ada.act(one, "role", role=wanted).done == "role"
        assert role(server, "max") == wanted
    assert ada.act(one, "remove").done == "removed"
    assert role(server, "max") is None
    assert ada.get(one).status == 404


def groups_of_max(server: Tenants) -> frozenset[str]:
    membership = server.organisations.membership("acme", "max")
    assert membership is not None
    return membership.groups


def test_groups_of_a_member_are_set_and_what_is_wrong_is_said(server: Tenants, ada: Reader[Tenants]) -> None:
    one = f"{ACME}/members/max"
    assert ada.act(one, "groups", groups=" guests  dreamers guests").done == "groups"
    assert groups_of_max(server) == {"guests", "dreamers"}
    assert 'value="dreamers guests"' in ada.get(one).html
    assert role(server, "max") == MEMBER
    page = ada.act(one, "groups", groups="guests n\u00f6")
    assert (page.status, "up to 20 names" in page.text, 'value="guests n\u00f6"' in page.html) == (400, True, True)
    assert ada.act(one, "groups", groups="").done == "groups"
    assert groups_of_max(server) == frozenset()


def test_who_demotes_or_removes_themselves_goes_where_they_may_be(server: Tenants, ada: Reader[Tenants]) -> None:
    ada.act(f"{ACME}/members/max", "role", role=ADMINISTRATOR)
    assert ada.act(f"{ACME}/members/ada", "role", role=MEMBER).location == "../../../organisations/acme?done=role"
    max_ = reader(server, "max")
    max_.act(f"{ACME}/members/ada", "role", role=ADMINISTRATOR)
    assert max_.act(f"{ACME}/members/max", "remove").location == "../../../organisations?done=left"


def test_many_members_have_several_pages(server: Tenants, ada: Reader[Tenants]) -> None:
    for number in range(60):
        server.users.create(fakes.user(sub=f"m{number}", username=f"m{number}", name=""))
        server.organisations.put_membership(Membership("acme", f"m{number}", MEMBER, server.clock() + number + 1))
    first = ada.get(f"{ACME}/members")
    (after,) = re.findall(r"members(\?after=[^\"]+)\"", first.html)
    second = ada.get(f"{ACME}/members{after}")
    names = [re.findall(r"members/(m\d+)\"", page.html) for page in (first, second)]
    assert sorted(names[0] + names[1]) == sorted(f"m{number}" for number in range(60))
    assert "First page" in second.text


# ------------------------------------------------------------------ signing in


def fields(**changed: str) -> dict[str, str]:
    return {
        "name": "Work",
        "issuer": "https://idp.example",
        "client_id": "authserver",
        "token_endpoint_auth_method": "client_secret_basic",
        "enabled": "yes",
    } | changed


def provider(server: Tenants) -> IdentityProvider:
    found = server.identity_providers.get("work")
    assert found
    return found


def test_the_provider_is_shown_but_for_its_secret(server: Tenants, ada: Reader[Tenants]) -> None:
    page = ada.get(f"{ACME}/sign-in/work")
    assert f"{server.services.settings.issuer}/federate/callback/work" in page.text
    assert "acme.example" in page.text
    assert "wrapped" not in page.html
    [secret] = re.findall(r'<input id="client_secret"[^>]*>', page.html)
    assert 'type="password"' in secret
    assert " value=" not in secret
    assert 'autocomplete="new-password"' in secret, "else a browser fills in the person's own"


def test_the_provider_is_changed_and_keeps_its_secret(server: Tenants, ada: Reader[Tenants]) -> None:
    before = provider(server)
    assert ada.act(f"{ACME}/sign-in/work", "change", **fields(name="Ours", client_id="new")).done == "provider"
    assert provider(server) == replace(before, name="Ours", client_id="new", version=before.version + 1)


def test_a_new_secret_is_wrapped_for_this_provider(server: Tenants, ada: Reader[Tenants]) -> None:
    ada.act(f"{ACME}/sign-in/work", "change", **fields(client_secret="a new one"))
    opened = server.services.opener.unwrap(provider(server).client_secret, ring="idp", kid="work")
    assert opened == b"a new one"


def test_the_provider_is_disabled(server: Tenants, ada: Reader[Tenants]) -> None:
    ada.act(f"{ACME}/sign-in/work", "change", **{n: v for n, v in fields().items() if n != "enabled"})
    assert provider(server).status == DISABLED


def test_another_issuer_needs_its_own_secret_and_an_operators_word(server: Tenants, ada: Reader[Tenants]) -> None:
    before = provider(server)
    page = ada.act(f"{ACME}/sign-in/work", "change", **fields(issuer="https://other.example"))
    assert (page.status, organisations.NO_SECRET in page.text) == (400, True)
    assert provider(server) == before
    ada.act(f"{ACME}/sign-in/work", "change", **fields(issuer="https://other.example", client_secret="theirs"))
    after = provider(server)
    assert (after.issuer, after.sign_up, after.trusts_email) == ("https://other.example", False, False)
    assert (after.domains, after.organisation, after.claims) == (before.domains, "acme", {})


def test_an_organisation_says_nothing_on_the_sign_in_page_of_everybody(server: Tenants, ada: Reader[Tenants]) -> None:
    """No page shows "Sign in with Google" on a button that leads elsewhere."""
    server.identity_providers.put(replace(provider(server), shown=True))
    page = ada.act(f"{ACME}/sign-in/work", "change", **fields(name="Google"))
    assert (page.status, organisations.SHOWN_NAME in page.text) == (400, True)
    assert provider(server).name == "Work"
    assert ada.act(f"{ACME}/sign-in/work", "change", **fields(client_id="new")).done == "provider"
    assert provider(server).shown
    ada.act(f"{ACME}/sign-in/work", "change", **fields(issuer="https://evil.example", client_secret="evil"))
    assert (provider(server).issuer, provider(server).shown) == ("https://evil.example", False)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "x" * 201, organisations.NO_NAME),
        ("name", "", organisations.NO_NAME),
        ("issuer", "http://idp.example", organisations.NO_ISSUER),
        ("issuer", "https://user@idp.example", organisations.NO_ISSUER),
        ("issuer", "https://idp.example?x", organisations.NO_ISSUER),
        ("client_id", "é", organisations.NO_CLIENT_ID),
        ("client_secret", "é", organisations.NO_SECRET),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(
    server: Tenants, ada: Reader[Tenants], field: str, value: str, sentence: str
) -> None:
    before = provider(server)
    page = ada.act(f"{ACME}/sign-in/work", "change", **fields(**{field: value}))
    assert (page.status, sentence in page.text) == (400, True)
    assert f'aria-describedby="{field}-hint {field}-wrong"' in page.html or f'"{field}-wrong"' in page.html
    assert provider(server) == before


def test_fields_of_operators_are_not_taken(server: Tenants, ada: Reader[Tenants]) -> None:
    before = provider(server)
    ada.act(f"{ACME}/sign-in/work", "change", **fields(domains="globex.example", organisation="globex", claims="x"))
    assert provider(server) == replace(before, version=before.version + 1)


def test_a_provider_that_went_to_another_meanwhile_is_not_changed(server: Tenants, ada: Reader[Tenants]) -> None:
    page = ada.get(f"{ACME}/sign-in/work").status
    server.identity_providers.put(replace(provider(server), organisation="globex"))
    assert page == 200
    assert ada.act(f"{ACME}/sign-in/work", "change", token_of(ada), **fields(name="Evil")).status == 404
    assert provider(server).name == "Work"


@pytest.mark.parametrize("end", ["removed", "made a member", "removed and made one again"])
def test_whoever_is_no_administrator_any_more_when_the_form_is_done_changes_nothing(
    server: Tenants, ada: Reader[Tenants], end: str
) -> None:
    """The session stands, and the page was an administrator's."""
    before = provider(server)
    for name in ("ada", "mia"):
        server.organisations.put_membership(Membership("acme", name, ADMINISTRATOR, epoch=f"epoch of {name}"))

    def ended() -> None:
        if end == "made a member":
            assert server.withdrawals.change_role(Membership("acme", "ada", MEMBER, epoch="next"), "mia")
            return
        assert server.withdrawals.end_membership("acme", "ada", "mia")
        if end == "removed and made one again":
            server.withdrawals.set_membership(Membership("acme", "ada", ADMINISTRATOR, epoch="next"))

    token = token_of(ada)
    server.before("identity_providers.change", ended)
    evil = fields(issuer="https://evil.example", client_secret="evil")
    assert ada.act(f"{ACME}/sign-in/work", "change", token, **evil).status == 409
    assert provider(server) == before


def test_what_an_operator_changed_since_the_page_was_shown_is_not_undone(server: Tenants, ada: Reader[Tenants]) -> None:
    disabled = replace(provider(server), status=DISABLED)
    server.before("identity_providers.change", lambda: server.identity_providers.put(disabled))
    assert ada.act(f"{ACME}/sign-in/work", "change", **fields(name="Ours")).status == 409
    assert provider(server) == replace(disabled, version=disabled.version + 1)


# ------------------------------------------------------------------ applications


def test_an_application_is_shown_with_what_it_may_do(server: Tenants, ada: Reader[Tenants]) -> None:
    server.configuration.put_scopes(
        ScopeCatalogue(
            (*CATALOGUE.definitions, ScopeDefinition("write", "Change items", sensitive=True)), CATALOGUE.version + 1
        )
    )
    server.connect("max", "a1", "a2")
    server.connect("ada", "*")
    listed = ada.get(f"{ACME}/apps").text
    assert "connected by 2 members" in listed
    page = ada.get(f"{ACME}/apps/web").text
    assert "Connected by max" in page
    assert "Read your items" in page
    assert "Companies A One, A Two" in page
    assert "Companies Every company, those added later too" in page


def test_the_companies_of_a_grant_are_changed(server: Tenants, ada: Reader[Tenants]) -> None:
    connection = server.connect("max", "a1")
    changed = ada.act(f"{ACME}/apps/web", "companies", grant=connection.id, entities=("a2", "a3"))
    assert changed.done == "companies"
    assert connection.entities == {"a2", "a3"}
    ada.act(f"{ACME}/apps/web", "companies", grant=connection.id, entities=("*", "a1"))
    assert server.tokens.authorization(connection.id).entities == {"*"}
    none = ada.act(f"{ACME}/apps/web", "companies", grant=connection.id)
    assert (none.status, none.notices) == (400, [organisations.NO_COMPANY])
    foreign = ada.act(f"{ACME}/apps/web", "companies", grant=connection.id, entities="g1")
    assert foreign.status == 400
    assert server.tokens.authorization(connection.id).entities == {"*"}


def test_an_application_is_disconnected_for_everybody(server: Tenants, ada: Reader[Tenants]) -> None:
    connections = [server.connect(name, "a1") for name in ("max", "mia")]
    other = server.connect("gus", "g1")
    assert ada.act(f"{ACME}/apps/web", "disconnect").done == "disconnected"
    assert [one.is_alive for one in (*connections, other)] == [False, False, True]
    assert "No app is connected." in ada.get(f"{ACME}/apps").text


# ------------------------------------------------------------------ requests


@pytest.mark.parametrize(("action", "said"), [("allow", "Approved by ada"), ("deny", "Denied by ada")])
def test_a_request_is_answered_once(server: Tenants, ada: Reader[Tenants], action: str, said: str) -> None:
    path = asked(server)
    page = ada.get(path).text
    assert "max wants to connect" in page
    assert "Export everything" in page
    assert "Companies A One" in page
    assert ada.act(path, action).done in ("allowed", "denied")
    answered = ada.get(path)
    assert said in answered.text
    assert 'value="allow"' not in answered.html
    server.organisations.put_membership(Membership("acme", "mia", ADMINISTRATOR, server.clock()))
    mia = reader(server, "mia")
    assert mia.act(path, "deny" if action == "allow" else "allow", token_of(mia)).status == 409
    assert said in ada.get(path).text


def test_two_who_answer_at_once_have_one_answer(server: Tenants, ada: Reader[Tenants]) -> None:
    path = asked(server)
    server.organisations.put_membership(Membership("acme", "mia", ADMINISTRATOR, server.clock()))
    mia = reader(server, "mia")
    csrf = token_of(mia)
    ada.act(path, "allow")
    late = mia.act(path, "deny", csrf)
    assert (late.status, late.notices[0]) == (409, organisations.ANSWERED)
    (approval,) = server.browsers.approvals("acme").items
    assert (approval.decision, approval.decided_by) == ("allow", "ada")


def test_what_was_asked_anew_is_looked_at_anew(server: Tenants, ada: Reader[Tenants]) -> None:
    """An administrator who looked at one company does not approve every one."""
    path = asked(server, "a1")
    csrf = token_of(ada)
    asked(server, "*")
    for answer in (ada.act(path, "allow", csrf), ada.get(path)):
        assert (answer.status, answer.notices[0]) == (409, organisations.CHANGED)
    (approval,) = server.browsers.approvals("acme").items
    assert approval.decision == ""


def test_a_test_application_is_called_one(server: Tenants, ada: Reader[Tenants]) -> None:
    client = server.clients.get("web")
    assert client
    server.clients.put(replace(client, verification="test"))
    assert "This service has not verified who is behind this app." in ada.get(asked(server)).text


# ------------------------------------------------------------------ names


def test_hostile_names_are_text(server: Tenants, ada: Reader[Tenants]) -> None:
    client = server.clients.get("web")
    assert client
    server.clients.put(replace(client, client_name=HOSTILE, client_uri="javascript:alert(1)"))
    server.withdrawals.change_organisation("acme", name=HOSTILE)
    server.organisations.put_company("acme", "a1", HOSTILE, 500)
    server.users.update("max", name=HOSTILE)
    server.identity_providers.put(replace(provider(server), name=HOSTILE))
    server.connect("max", "a1")
    ada.act(f"{ACME}/invite", "invite", name=HOSTILE)
    pages = [ada.get(path) for path, action, _ in everything_to_see(server) if not action]
    for page in pages:
        assert page.status == 200
        assert "<img" not in page.html
        assert "javascript:" not in page.html
        assert len(page.html.encode()) < 30_000
    assert sum(HOSTILE in page.text for page in pages) == len(pages)


def everything_to_see(server: Tenants) -> list[tuple[str, str, None]]:
    paths = ("", "/companies", "/members", "/members/max", "/invite", "/sign-in", "/sign-in/work", "/apps", "/apps/web")
    return [(f"{ACME}{path}", "", None) for path in paths] + [(asked(server), "", None), ("/organisations", "", None)]
