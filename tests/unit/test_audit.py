"""What the audit is told: who, what, on what, from where; and never a value, a name or a secret."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from authserver.identity.audit import draw_source_key, identifier
from authserver.management.admin import operations as admin
from authserver.management.partner import operations as partner
from authserver.models.audit import AuditEvent, day_of
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.settings import DAY
from authserver.storage.audit import Wanted
from authserver.values import sha256
from tests import fakes
from tests.fakes import START
from tests.unit.api import Api
from tests.unit.server import Server

CLIENT = {"client_name": "Secret plans", "redirect_uris": ["https://plans.example/callback"]}
PERSON = {"username": "carol", "password": "croquet with flamingos", "email": "carol@a.example"}
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def operator(server: Server) -> Api:
    return Api(server, admin.OPERATIONS, "sub-of-op", "console", Api.EVERY_POWER)


def events(server: Server) -> tuple[AuditEvent, ...]:
    """All of them, the newest first."""
    return server.audit.events(Wanted(0, 2**40), limit=100).items


def test_an_act_says_who_did_what_to_what_and_names_the_fields(server: Server, operator: Api) -> None:
    made = operator.call("POST", "/admin/clients", CLIENT)
    operator.call("PATCH", f"/admin/clients/{made.document['client_id']}", {"status": "disabled", "owner": "sub-of-x"})
    changed, created = sorted(events(server), key=lambda one: one.act)
    assert (created.act, created.object_kind, created.object_id) == ("client.created", "client", changed.object_id)
    assert (changed.act, changed.outcome, changed.fields) == ("client.changed", "done", ("owner", "status"))
    assert (changed.actor_kind, changed.actor, changed.client) == ("user", "sub-of-op", "console")
    assert (changed.created_at, changed.expires_at) == (START, START + 400 * DAY)


def test_no_event_holds_a_value_a_name_an_address_or_a_secret(server: Server, operator: Api) -> None:
    made = operator.call("POST", "/admin/clients", CLIENT).document
    secret = operator.call("POST", f"/admin/clients/{made['client_id']}/secrets", {"overlap": 60}).document
    person = operator.call("POST", "/admin/users", PERSON).document
    operator.call("PATCH", f"/admin/users/{person['sub']}", {"name": "Carol C", "email": "other@a.example"})
    operator.call("PUT", f"/admin/users/{person['sub']}/password", {"password": "through-the-looking-glass"})
    text = repr(events(server)) + json.dumps(operator.get("/admin/audit"))
    told = [
        made["client_secret"],
        secret["client_secret"],
        secret["id"],
        *CLIENT["redirect_uris"],
        CLIENT["client_name"],
    ]
    told += [*PERSON.values(), "Carol C", "other@a.example", "through-the-looking-glass"]
    hashes = [sha256(one) for one in (made["client_secret"], secret["client_secret"])]
    assert len(events(server)) == 5
    assert [one for one in (*told, *(one.hex() for one in hashes), *map(str, hashes)) if one in text] == []


def test_what_an_operator_is_refused_is_an_event_and_what_was_malformed_is_none(server: Server, operator: Api) -> None:
    assert operator.call("DELETE", "/admin/clients/nobody").status == 404
    assert operator.call("PATCH", "/admin/clients/web", {"shoe_size": 43}).status == 400
    (event,) = events(server)
    assert (event.act, event.object_id, event.outcome, event.reason) == (
        *("client.deleted", "", "refused"),
        "not_found",
    )


def test_a_refusal_keeps_nothing_of_what_nobody_looked_at(server: Server, operator: Api) -> None:
    """A mistyped path may be somebody's address, and a name of a field anything."""
    assert operator.call("PATCH", "/admin/users/carol@a.example", {"hunter_two": "x"}).status == 404
    (event,) = events(server)
    assert (event.act, event.outcome, event.object_id, event.fields) == ("user.changed", "refused", "", ())


def test_memberships_that_a_deletion_ends_first_have_events_of_their_own(server: Server, operator: Api) -> None:
    server.users.create(fakes.user(sub="max", username="max"))
    for name in ("one", "two", "three", "four"):
        server.organisations.create(Organisation(name, name))
        server.organisations.put_membership(Membership(name, "max", ADMINISTRATOR, START, name))
    assert operator.call("DELETE", "/admin/users/max").status == 204
    acts = [(one.act, one.organisation) for one in events(server) if one.object_id == "max"]
    assert sorted(acts) == [
        *(("membership.ended", name) for name in ("four", "one", "three", "two")),
        ("user.deleted", ""),
    ]


def test_what_a_developer_is_refused_is_none(server: Server) -> None:
    api = Api(server, partner.OPERATIONS, "sub-of-dev")
    assert api.call("DELETE", "/partner/apps/web").status == 404
    assert events(server) == ()


def test_who_finds_nothing_to_change_leaves_no_event(server: Server, operator: Api) -> None:
    for _ in range(2):
        assert operator.call("POST", "/admin/clients", CLIENT, key="once").status == 201
    acts = [(one.act, one.outcome) for one in events(server)]
    assert acts.count(("client.created", "done")) == len(acts)


def test_a_client_acts_for_itself_and_an_operator_by_iam(server: Server) -> None:
    for subject, client_id in (("robot", "robot"), ("arn:aws:iam::123456789012:user/op", "")):
        api = Api(server, admin.OPERATIONS, subject, client_id, Api.EVERY_POWER)
        assert api.call("DELETE", "/admin/clients/web").status in (204, 404)
    assert {(one.actor_kind, one.actor) for one in events(server)} == {
        ("client", "robot"),
        ("iam", "arn:aws:iam::123456789012:user/op"),
    }


# ------------------------------------------------------------------ from where


def sources(server: Server, *addresses: str) -> list[str]:
    found: list[str] = []
    for address in addresses:
        api = Api(server, admin.OPERATIONS, f"sub-of-{len(found)}", "console", Api.EVERY_POWER, source=address)
        api.call("DELETE", "/admin/clients/nobody")
        found += [one.source for one in events(server) if one.actor == f"sub-of-{len(found)}"]
    return found


def test_an_address_is_a_keyed_hash_once_there_is_a_key(server: Server) -> None:
    assert sources(server, "192.0.2.1") == [""]
    server = Server()
    draw_source_key(server.services)
    key = server.record.deployment.source_key
    draw_source_key(server.services)
    assert server.record.deployment.source_key == key
    one, other, again, none = sources(server, "192.0.2.1", "192.0.2.2", "192.0.2.1", "0.0.0.0")  # noqa: S104 - no address
    assert one == again
    assert len({one, other, none}) == 3
    assert none == ""
    assert "192" not in one


def test_an_address_is_itself_where_the_operator_wants_it_so() -> None:
    server = Server(audits_addresses=True)
    assert sources(server, "192.0.2.1") == ["192.0.2.1"]


# ------------------------------------------------------------------ identifiers, and what is asked for


@pytest.mark.rfc("9562", "5.7")
def test_an_identifier_is_a_uuid_of_its_time() -> None:
    assert UUID7.fullmatch(identifier(START, b"\xff" * 10))
    assert UUID7.fullmatch(identifier(START, bytes(10)))
    assert int(identifier(START, bytes(10)).replace("-", "")[:12], 16) == START * 1000
    assert identifier(START, b"\xff" * 10) < identifier(START + 1, bytes(10))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"to": "-1"}, "to"),
        ({"from": "20", "to": "10", "actor": "alice"}, "from"),
        ({"object": "client"}, "object"),
        ({"object": ":web"}, "object"),
        ({"act": "client.*"}, "act"),
        ({"act": "."}, "act"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused(query: dict[str, Any], field: str, operator: Api) -> None:
    answer = operator.call("GET", "/admin/audit", **query)
    assert answer.status == 400
    assert [error["field"] for error in answer.document["errors"]] == [field]


def test_events_are_of_the_last_thirty_days_unless_asked_otherwise(server: Server, operator: Api) -> None:
    operator.call("DELETE", "/admin/clients/web")
    server.clock.advance(31 * DAY)
    assert operator.get("/admin/audit")["items"] == []
    (event,) = operator.get("/admin/audit", **{"from": str(START), "to": str(START), "act": "client."})["items"]
    assert (event["time"], event["object"]) == (START, {"kind": "client", "id": "web", "organisation": None})


def test_a_day_is_the_one_of_the_calendar() -> None:
    first = datetime(1970, 1, 1, tzinfo=UTC)
    for days in range(365 * 430):
        instant = days * 86_400 + days % 86_400
        assert day_of(instant) == (first + timedelta(seconds=instant)).date().isoformat()
