"""Which change of which item is which event, on items as they are stored."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from authserver.aws import dynamodb
from authserver.aws.table import decode_item
from authserver.events import CLIENTS, CONFIGURATION, KEYS, TOKENS, USERS, Change
from authserver.events.cloudevents import batches
from authserver.events.mapping import KINDS, SILENT, events_of, key_of, kind_of
from authserver.events.types import EVENT_TYPES, MEMBERS
from authserver.values import base64url, sha256

SHAPES = Path(__file__).parents[1] / "contract" / "shapes"
OF_THE_AUDIT = {"event", "head", "link", "sealed"}  # whose table has a stream of its own
PUBLISHED = sorted(path.stem for path in SHAPES.glob("*.json") if path.stem not in OF_THE_AUDIT)
AT = 1_800_000_000
KEY = {CLIENTS: "client_id", USERS: "id", TOKENS: "pk", KEYS: "kid", CONFIGURATION: "id"}
TABLE_OF = {  # what has no ``pk`` is of one of these, by its kind
    **dict.fromkeys(("user", "login", "organisation", "identity", "factors", "membership", "invitation"), USERS),
    **dict.fromkeys(("scopes", "resources", "theme", "webhooks", "idp", "domain", "logo", "shared"), CONFIGURATION),
}


def shape(name: str) -> dict[str, Any]:
    return decode_item(json.loads((SHAPES / f"{name}.json").read_text()))


def placed(item: Mapping[str, Any]) -> tuple[str, str]:
    """The table and the key of an item."""
    if "pk" in item:
        return TOKENS, item["pk"]
    if "kid" in item:
        return KEYS, item["kid"]
    if "id" in item:
        return TABLE_OF[item["id"].partition("#")[0]], item["id"]
    return CLIENTS, item["client_id"]


def change(before: Mapping[str, Any], after: Mapping[str, Any], **more: Any) -> Change:
    table, key = placed(after or before)
    return Change(table, key, before, after, **{"sequence": "100", "at": AT, **more})


def told(before: Mapping[str, Any], after: Mapping[str, Any], **more: Any) -> list[tuple[str, dict[str, Any]]]:
    """The types and the data of the events, each of which has what its type says."""
    events = events_of(change(before, after, **more))
    for event in events:
        described = EVENT_TYPES[event.type]
        assert set(described.required) <= set(event.data) <= {*described.required, *described.optional}, event
    return [(event.type, dict(event.data)) for event in events]


def types(before: Mapping[str, Any], after: Mapping[str, Any], **more: Any) -> list[str]:
    return [event_type for event_type, _ in told(before, after, **more)]


# ------------------------------------------------------------------ all kinds


def kinds_of_the_schema() -> set[tuple[str, str]]:
    """By what the docstring of the stores says, which tests compare with what is stored."""
    document = dynamodb.__doc__ or ""
    found = {(CLIENTS, ""), (KEYS, "")}
    for table, heading, following in (
        (USERS, "Users (", "Configuration ("),
        (CONFIGURATION, "Configuration (", "Tokens ("),
        (TOKENS, "Tokens (", "Keys ("),
    ):
        part = document.partition(f"\n{heading}")[2].partition(f"\n{following}")[0]
        rows = re.findall(r"^    ``([a-z_]+(?:#[^`]*)?)``", part, re.MULTILINE)
        found |= {(table, kind_of(table, row)) for row in rows}
    return found


def test_each_kind_of_item_is_an_event_or_says_why_it_is_none() -> None:
    assert not set(KINDS) & set(SILENT)
    assert {*KINDS, *SILENT} == kinds_of_the_schema()


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_item_as_it_was_stored_once_can_come_and_go(name: str) -> None:
    item = shape(name)
    told({}, item)
    told(item, item)
    told(item, {})
    if "expires_at" in item:
        assert types(item, {}, is_expiry=True) == (["client.deleted"] if name == "client" else [])


def test_every_type_is_told_by_some_change() -> None:
    asked_for = {"webhook.test"}  # by an operator: nothing changes
    assert {event_type for event_type, _, _ in CASES} == set(EVENT_TYPES) - asked_for


def test_every_member_is_in_some_type() -> None:
    used = {name for one in EVENT_TYPES.values() for name in (*one.required, *one.optional)}
    assert used == set(MEMBERS)


# ------------------------------------------------------------------ each type


def changed(name: str, /, **attributes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A stored item, and what an update makes of it; None removes an attribute."""
    before = shape(name)
    after = {**before, **attributes}
    return before, {one: value for one, value in after.items() if value is not None}


def webhook_changed(**attributes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The item of the webhooks, and what a change of its one webhook makes of it."""
    (webhook,) = shape("webhooks")["webhooks"]
    return changed("webhooks", webhooks=[{**webhook, **attributes}])


def come(name: str, /, **attributes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return {}, changed(name, **attributes)[1]


def gone(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return shape(name), {}


def turned(pair: tuple[dict[str, Any], dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    return pair[1], pair[0]


ALICE = {"user": "sub-of-alice", "user_key": "FxQ-4-oukL7K56TFhxNTxw"}
WEB = {"client": "client-web", "client_key": "sCfzF93YLUMbqISeZ-v4rQ"}
ACME = {"organisation": "org-acme", "organisation_key": "vhN2xrGQ9R3DUl7P5VRrhg"}
FAMILY = {"token_family": "AAECAwQFBgcICQoLDA0ODxcUPuPqLpC-yuekxYcTU8e-E3bGsZD1HcNSXs_lVGuG"}
SECRETS = shape("client")["secrets"]
RING = shape("ring")["keys"]
NEWEST = {**RING[1], "keep_until": AT + 5}

type Pair = tuple[dict[str, Any], dict[str, Any]]

CASES: list[tuple[str, Pair, dict[str, Any]]] = [
    ("user.created", come("user"), {**ALICE, "created_at": AT}),
    ("user.updated", changed("user", email="other@example.com"), {**ALICE, "fields": ["email"]}),
    ("user.updated", changed("user", attributes={"locale": "de"}), {**ALICE, "fields": ["locale"]}),
    ("user.updated", changed("user", password_hash="another", version=9), {**ALICE, "fields": ["password"]}),
    ("user.updated", changed("user", identities=None, version=9), {**ALICE, "fields": ["identities"]}),
    ("user.disabled", changed("user", status="disabled"), ALICE),
    ("user.enabled", turned(changed("user", status="disabled")), ALICE),
    ("user.deleted", gone("user"), ALICE),
    (
        "user.erased",
        changed("erasure", finished_at=AT, subject=None),
        {"user": "sub-of-gone", "user_key": key_of("sub-of-gone")},
    ),
    ("user.factors_changed", changed("factors", totp=None, version=9), {**ALICE, "fields": ["totp"]}),
    ("user.factors_changed", gone("factors"), {**ALICE, "fields": ["passkeys", "recovery_codes", "totp"]}),
    ("client.updated", changed("client", scope="read", version=2), {**WEB, "fields": ["scope"], "version": 2}),
    (
        "client.updated",
        changed("client", registration_token_hash=b"another"),
        {**WEB, "fields": ["registration_access_token"], "version": 1},
    ),
    ("client.disabled", changed("client", status="disabled"), {**WEB, "version": 1}),
    ("client.enabled", turned(changed("client", status="disabled")), {**WEB, "version": 1}),
    ("client.deleted", gone("client"), WEB),
    (
        "client.secret.created",
        changed("client", secrets=[*SECRETS, {"hash": b"new", "created_at": AT}]),
        {**WEB, "created_at": AT},
    ),
    (
        "client.secret.retired",
        changed("client", secrets=[{**SECRETS[0], "expires_at": AT + 7}, *SECRETS[1:]]),
        {**WEB, "created_at": SECRETS[0]["created_at"], "expires_at": AT + 7},
    ),
    (
        "client.secret.deleted",
        changed("client", secrets=SECRETS[1:] or None),
        {**WEB, "created_at": SECRETS[0]["created_at"]},
    ),
    (
        "consent.narrowed",
        changed("consent", scopes=frozenset({"openid"})),
        {
            **ALICE,
            **WEB,
            "scope": ["openid"],
            "removed": ["read"],
            "begun": shape("consent")["begun"],
            "expires_at": shape("consent")["expires_at"],
        },
    ),
    (
        "session.ended",
        gone("session"),
        {**ALICE, "session": key_of("session"), "origin": key_of("session")} | {"reason": "signed_out"},
    ),
    (
        "session.continued",
        changed("session", sessions=6),
        {
            **ALICE,
            "session": key_of("session"),
            "origin": key_of("session"),
            "begun": {**shape("session")["begun"], "sessions": 6},
        },
    ),
    (
        "token_family.ended",
        turned(changed("authorization", revoked_at=None)),
        {**ALICE, **WEB, **ACME, **FAMILY, "reason": "revoked"},
    ),
    (
        "token_family.updated",
        changed("authorization", entities=frozenset({"b"})),
        {**ALICE, **WEB, **FAMILY, "fields": ["entities"], "begun": shape("authorization")["begun"]},
    ),
    (
        "access_token.revoked",
        changed("authorization", revoked_access_tokens=frozenset({"1800000600.jti", "1800000700.another"})),
        {**ALICE, **WEB, **FAMILY, "access_token": "another"},
    ),
    (
        "access_token.revoked",
        turned(changed("access_token", is_revoked=None)),
        {
            **ALICE,
            **WEB,
            "access_token": key_of("access-token"),
            "token_family": shape("access_token")["authorization_id"],
        },
    ),
    ("access_token.revoked", come("revoked"), {"access_token": "a-jti"}),
    ("api_key.updated", changed("api_key", name="Another"), {"fields": ["name"]}),
    ("api_key.ended", gone("api_key"), {"reason": "deleted"}),
    ("organisation.created", come("organisation"), {**ACME, "created_at": AT}),
    ("organisation.updated", changed("organisation", name="Acme", version=7), {**ACME, "fields": ["name"]}),
    ("organisation.disabled", changed("organisation", status="disabled"), ACME),
    ("organisation.enabled", turned(changed("organisation", status="disabled")), ACME),
    ("organisation.deleted", gone("organisation"), ACME),
    ("membership.created", come("membership"), {**ALICE, **ACME, "role": "member", "created_at": AT}),
    ("membership.deleted", gone("membership"), {**ALICE, **ACME}),
    (
        "membership.updated",
        changed("membership", groups=frozenset({"staff"})),
        {**ALICE, **ACME, "role": "member", "fields": ["groups"]},
    ),
    ("approval.requested", come("approval", decision=None), {**ALICE, **WEB, **ACME}),
    ("approval.decided", turned(changed("approval", decision=None)), {**ALICE, **WEB, **ACME, "decision": "allow"}),
    ("approval.withdrawn", gone("approval"), {**ALICE, **WEB, **ACME}),
    ("identity_provider.created", come("idp"), {"identity_provider": "work", "created_at": AT, "version": 1}),
    (
        "identity_provider.updated",
        changed("idp", client_secret=b"another", version=2),
        {"identity_provider": "work", "fields": ["client_secret"], "version": 2},
    ),
    ("identity_provider.disabled", changed("idp", status="disabled"), {"identity_provider": "work", "version": 1}),
    (
        "identity_provider.enabled",
        turned(changed("idp", status="disabled")),
        {"identity_provider": "work", "version": 1},
    ),
    (
        "identity_provider.deleted",
        (shape("idp"), {"id": "idp#work", "gone": True, "version": 2}),
        {"identity_provider": "work"},
    ),
    ("webhook.created", come("webhooks"), {"webhook": "first", "created_at": 9, "version": 3}),
    (
        "webhook.updated",
        webhook_changed(url="https://other.example/", secrets=[], updated_at=10, version=4),
        {"webhook": "first", "fields": ["secrets", "url"], "version": 4},
    ),
    (
        "webhook.enabled",
        webhook_changed(status="active", disabled_reason="", version=4),
        {"webhook": "first", "version": 4},
    ),
    (
        "webhook.disabled",
        turned(webhook_changed(status="active", disabled_reason="", version=4)),
        {"webhook": "first", "version": 3},
    ),
    ("webhook.deleted", changed("webhooks", webhooks=[], removed=["first"]), {"webhook": "first"}),
    ("scopes.updated", changed("scopes", version=2), {"version": 2}),
    ("resources.updated", changed("resources", version=2), {"version": 2}),
    ("theme.updated", gone("theme"), {}),
    ("key.created", come("ring"), {"ring": "signing", "kid": "first"}),
    (
        "key.retired",
        changed("ring", keys=[RING[0], NEWEST]),
        {"ring": "signing", "kid": "newest", "keep_until": AT + 5},
    ),
    ("key.withdrawn", changed("ring", keys=[RING[0]]), {"ring": "signing", "kid": "newest"}),
    (
        "organisation.erased",
        (
            {"pk": f"erasure#organisation#{ACME['organisation_key']}", "organisation": "org-acme"},
            {"pk": f"erasure#organisation#{ACME['organisation_key']}", "finished_at": AT},
        ),
        ACME,
    ),
    # What ends by a counter
    (
        "session.ended",
        changed("end-subject", epoch=2),
        {"user_key": ALICE["user_key"], "present": {"subject": 2}, "reason": "revoked"},
    ),
    (
        "consent.revoked",
        changed("end-subject", epoch=2, suspended="disabled"),
        {"user_key": ALICE["user_key"], "present": {"subject": 2}, "reason": "disabled"},
    ),
    (
        "session.ended",
        changed("end-subject", sessions=2),
        {"user_key": ALICE["user_key"], "present": {"sessions": 2}, "reason": "signed_out"},
    ),
    (
        "token_family.ended",
        changed("end-subject", grants={"*": 1, WEB["client_key"]: 2}),
        {
            "user_key": ALICE["user_key"],
            "client_key": WEB["client_key"],
            "present": {"grant": 3},
            "reason": "disconnected",
        },
    ),
    (
        "consent.revoked",
        changed("end-subject", grants={"*": 2, WEB["client_key"]: 1}),
        {"user_key": ALICE["user_key"], "reason": "disconnected"},
    ),
    (
        "api_key.ended",
        changed("end-subject", api_keys=1),
        {"user_key": ALICE["user_key"], "present": {"subject": 1}, "reason": "revoked"},
    ),
    (
        "token_family.ended",
        changed("end-client", epoch=2),
        {"client_key": WEB["client_key"], "present": {"client": 2}, "reason": "revoked"},
    ),
    (
        "token_family.ended",
        changed("end-organisation", clients={WEB["client_key"]: 2}),
        {
            "organisation_key": ACME["organisation_key"],
            "client_key": WEB["client_key"],
            "present": {"installation": 2},
            "reason": "disconnected",
        },
    ),
    (
        "api_key.ended",
        changed("end-organisation", approvers={"_-qHEGXMcuuD30Vd3wBNaQ": 2}),
        {
            "organisation_key": ACME["organisation_key"],
            "administrator_key": "_-qHEGXMcuuD30Vd3wBNaQ",
            "present": {"approval": 2},
            "reason": "administrator_left",
        },
    ),
    (
        "token_family.ended",
        changed("end-organisation", epoch=2, suspended="deleted"),
        {"organisation_key": ACME["organisation_key"], "present": {"organisation": 2}, "reason": "deleted"},
    ),
    (
        "token_family.ended",
        changed("membership", role="administrator", epoch="another"),
        {**ALICE, **ACME, "present": {"membership": "another"}, "reason": "role_changed"},
    ),
    (
        "token_family.ended",
        changed("membership", clients={WEB["client_key"]: 2}),
        {
            **ALICE,
            **ACME,
            "client_key": WEB["client_key"],
            "present": {"member_grant": 2},
            "reason": "approval_withdrawn",
        },
    ),
    (
        "session.ended",
        changed("deployment", era="another"),
        {"present": {"era": "another"}, "reason": "everything_ended"},
    ),
    # What is begun has a long tail of members, of which these tell it from others
    ("client.created", come("client"), WEB),
    ("consent.granted", come("consent"), {**ALICE, **WEB, "scope": ["openid", "read"], "added": ["openid", "read"]}),
    ("session.created", come("session"), {**ALICE, "session": key_of("session")}),
    (
        "session.created",
        come("session", id="another", pk="session#another", origin="session"),
        {"origin": key_of("session")},
    ),
    (
        "token_family.created",
        come("authorization", revoked_at=None),
        {**ALICE, **WEB, **ACME, "scope": ["openid", "read"]},
    ),
    (
        "token_family.created",
        changed("authorization-code", redeemed_by="the redeemer", generation=1),
        {**ALICE, **WEB},
    ),
    ("api_key.created", come("api_key"), ACME),
    ("key.deleted", changed("ring", keys=[RING[1]]), {"ring": "signing", "kid": "first"}),
]


@pytest.mark.parametrize(
    ("event_type", "pair", "data"), CASES, ids=[f"{at}-{case[0]}" for at, case in enumerate(CASES)]
)
def test_a_change_is_its_event(event_type: str, pair: Pair, data: dict[str, Any]) -> None:
    at = RING[0]["keep_until"] if event_type == "key.deleted" else AT
    found = [said for one, said in told(*pair, at=at) if one == event_type]
    assert any(data.items() <= said.items() for said in found), told(*pair)


QUIET: Mapping[str, Pair] = {
    "a hash that is made anew of the same password": changed("user", password_hash="another"),
    "where a user is listed": changed("user", listed="user#8", updated_at=AT),
    "the use of a recovery code": changed("factors", recovery_codes=frozenset({"hash-one"}), version=9),
    "an app that is not confirmed yet": (
        {**shape("factors"), "totp": {**shape("factors")["totp"], "confirmed_at": 0}},
        {name: value for name, value in shape("factors").items() if name != "totp"},
    ),
    "the first use of a secret on a day": changed("client", secrets=[{**one, "used_at": AT} for one in SECRETS]),
    "a code that is not redeemed": come("authorization-code"),
    "a refresh": changed("authorization", generation=3, rotated_at=AT, rotated_by="another", idle_expires_at=AT),
    "the forgetting of revoked access tokens": changed("authorization", revoked_access_tokens=None),
    "the use of an API key": changed("api_key", used_at=AT),
    "another secret of a session": changed("session", secret_hash=b"another", signed_in_for="another"),
    "an approval that forgets who decided it": changed("approval", decided_by=None, listed_client=None),
    "the version of a client in its end": changed("end-client", version=2),
    "a withdrawn key, which the ring tells": changed("deployment", keys=2),
    "the key of the audit": changed("deployment", source_key="drawn"),
    "another copy of an end": changed("end-client", pk=shape("end-client")["pk"][:-1] + "7", epoch=2),
    "an erasure on its way": changed("erasure", left=None),
    "what expired": (shape("session"), {}),
}


@pytest.mark.parametrize("what", QUIET)
def test_no_event(what: str) -> None:
    before, after = QUIET[what]
    if "pk" in after and "pk" in before:
        before = {**before, "pk": after["pk"]}
    assert types(before, after, is_expiry=not after) == []


def test_a_registration_that_nobody_used_says_so() -> None:
    (found,) = told(*gone("client"), is_expiry=True)
    assert found == ("client.deleted", {**WEB, "reason": "expired"})


def test_why_the_server_revoked_by_itself_is_told() -> None:
    before, after = turned(changed("authorization", revoked_at=None))
    ((_, said),) = told(before, {**after, "revoked_for": "code_replayed"})
    assert said["reason"] == "code_replayed"


def test_a_consent_given_after_an_end_is_granted_anew() -> None:
    before, after = changed("consent", begun={"subject": 2}, scopes=frozenset({"openid"}))
    assert next(said for one, said in told(before, after) if one == "consent.granted")["added"] == ["openid"]


def test_a_consent_given_in_the_place_of_one_that_expired_is_granted_anew() -> None:
    """DynamoDB removes within days what has expired. Until then the next one takes its place."""
    before, after = changed("consent", created_at=AT + 8, expires_at=AT + 99)
    ((event_type, said),) = told(before, after)
    assert (event_type, said["added"], said["expires_at"]) == ("consent.granted", ["openid", "read"], AT + 99)
    ((event_type, said),) = told(before, {**after, "scopes": frozenset({"openid"})})
    assert (event_type, said["scope"], said["added"]) == ("consent.granted", ["openid"], ["openid"])


def test_a_consent_that_lasts_longer_is_told_with_its_new_end() -> None:
    before, after = changed("consent", expires_at=AT + 9)
    ((event_type, said),) = told(before, after)
    assert (event_type, said["scope"], said["added"]) == ("consent.granted", ["openid", "read"], [])
    assert said["expires_at"] == AT + 9


@pytest.mark.parametrize("left", [{"openid"}, set()], ids=["of some", "of all"])
def test_what_a_user_declines_is_not_told_as_granted(left: set[str]) -> None:
    """The answer lets what is left last longer, or for another resource, which the one event tells."""
    more = {"expires_at": AT + 9, "resource_indicators": frozenset({"https://other.example"})}
    before, after = changed("consent", declined=frozenset({"openid", "read"} - left), **more)
    ((event_type, said),) = told(before, after)
    assert (event_type, said["scope"]) == ("consent.narrowed", sorted(left))
    assert said["removed"] == sorted({"openid", "read"} - left)
    assert said["expires_at"] == AT + 9


def test_a_consent_that_remembers_only_what_was_declined_grants_nothing() -> None:
    declined = {"scopes": None, "declined": frozenset({"openid", "read"})}
    _, item = changed("consent", **declined)
    assert told({}, item) == []
    assert told(item, {**item, "expires_at": AT + 9}) == []
    assert told(item, {**item, "created_at": AT + 8, "begun": {"subject": 2}}) == []
    ((event_type, said),) = told(item, {**item, "scopes": frozenset({"openid"}), "declined": frozenset({"read"})})
    assert (event_type, said["added"]) == ("consent.granted", ["openid"])


def test_a_consent_without_scopes_is_granted() -> None:
    _, item = changed("consent", scopes=None, declined=None)
    assert types({}, item) == ["consent.granted"]


def test_an_approval_that_is_asked_for_again_is_requested_again() -> None:
    """In the place of a request without an answer, too."""
    before, after = changed("approval", decision=None, created_at=AT + 8, expires_at=AT + 99)
    ((event_type, said),) = told({name: one for name, one in before.items() if name != "decision"}, after)
    assert (event_type, said["created_at"], said["expires_at"]) == ("approval.requested", AT + 8, AT + 99)
    assert types(before, after) == ["approval.requested"]


def test_an_answer_to_an_approval_tells_how_long_it_counts() -> None:
    before, after = turned(changed("approval", decision=None))
    ((event_type, said),) = told(before, {**after, "expires_at": AT + 99})
    assert (event_type, said["expires_at"]) == ("approval.decided", AT + 99)


# ------------------------------------------------------------------ what all have


def test_the_same_change_is_the_same_event() -> None:
    first, again = (events_of(change(*changed("user", status="disabled"))) for _ in range(2))
    assert first == again
    assert [one.id for one in first] == [base64url(sha256("users\x00user#sub-of-alice\x00100\x000")[:16])]


def test_each_event_has_an_identifier_of_its_own() -> None:
    every = [
        *events_of(change(*changed("end-subject", epoch=2))),
        *events_of(change(*changed("end-subject", epoch=3), sequence="101")),
    ]
    assert len({one.id for one in every}) == len(every) == 6


SENSITIVE = ("hash", "secret", "salt", "wrapped", "nonce", "challenge", "verifier", "password", "private")


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_event_tells_a_secret_an_address_or_a_name(name: str) -> None:
    """Of every attribute that is none of an identifier, a time, a counter or a scope, the value is nowhere."""
    item = shape(name)
    for before, after in (({}, item), (item, {}), ({**item, "v": 0}, item)):
        said = json.dumps([dict(event.data) | {"subject": event.subject} for event in events_of(change(before, after))])
        for attribute, value in item.items():
            if attribute in PRIVATE or any(word in attribute for word in SENSITIVE):
                assert all(one not in said for one in texts(value) if len(one) > 2), attribute


PRIVATE = {
    *("username", "name", "email", "pending_email", "preferred_username", "attributes", "login_address", "device"),
    *(
        "source",
        "address",
        "addresses",
        "names",
        "companies",
        "client_name",
        "contacts",
        "networks",
        "entities",
        "groups",
    ),
    *("redirect_uri", "redirect_uris", "secrets", "passkeys", "totp", "recovery_codes", "issuer", "support"),
    *("parameters", "rotated_by", "redeemed_by", "signed_in_for"),
}


def texts(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for inner in value.values() for text in texts(inner)]
        case list() | frozenset():
            return [text for inner in value for text in texts(inner)]
    return []


# ------------------------------------------------------------------ batches


def test_batches_have_so_many_events_and_octets_and_no_two_changes_of_an_item() -> None:
    def cut(sizes: list[int], changes: list[tuple[str, str]]) -> list[list[int]]:
        return [list(one) for one in batches(sizes, changes, 3, 100)]

    others = [(str(at), "1") for at in range(5)]
    assert cut([], []) == []
    assert cut([1] * 5, others) == [[0, 1, 2], [3, 4]]
    assert cut([60, 40, 1, 100, 100], others) == [[0, 1], [2], [3], [4]]
    assert cut([101, 1, 1, 1, 1], others) == [[0], [1, 2, 3], [4]]
    assert cut([1] * 4, [("a", "1"), ("b", "1"), ("a", "2"), ("a", "2")]) == [[0, 1], [2, 3]]
