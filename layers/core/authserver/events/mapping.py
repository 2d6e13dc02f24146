"""Which change of which item is which event: each kind of item is in `KINDS`, or in `SILENT` with why it is none.

What ends by a counter (`ends`) is told by the item that has the counter. Sixteen copies of an item tell it once. What
DynamoDB removes at the end of its time has expired before and tells nothing, but for a registration that is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.ends import EVERY_CLIENT
from authserver.events import CLIENTS, CONFIGURATION, KEYS, TOKENS, USERS, Change, Event
from authserver.models import ACTIVE
from authserver.values import base64url, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

# The type of an event, what it happened to, and its members; what is None or empty is left out.
type Told = tuple[str, str, Mapping[str, Any]]

FIRST_COPY = "0"  # of sixteen


def events_of(change: Change) -> tuple[Event, ...]:
    """The events that a change is: none, most often.

    Equal changes are equal events, with the same identifiers. Raises `LookupError`, `TypeError` or `ValueError` on an
    item that is none of ours to read.
    """
    kind = kind_of(change.table, change.key)
    if (change.table, kind) in SILENT:
        return ()
    told = KINDS[change.table, kind](change)
    return tuple(
        Event(
            base64url(sha256(f"{change.table}\x00{change.key}\x00{change.sequence}\x00{number}")[:16]),
            event_type,
            subject,
            {name: value for name, value in data.items() if value not in (None, "", {})},
            change,
        )
        for number, (event_type, subject, data) in enumerate(told)
    )


def kind_of(table: str, key: str) -> str:
    """The kind of an item by its key: what is before the first ``#``, of ends before the second; in two tables there is
    one kind alone."""
    if table in (CLIENTS, KEYS):
        return ""
    kind, _, rest = key.partition("#")
    return f"{kind}#{rest.partition('#')[0]}" if kind == "end" else kind


def key_of(identifier: str) -> str:
    """What stands for an identifier: half of its SHA-256. Raises `TypeError` for what is no text."""
    if not isinstance(identifier, str):
        raise TypeError("an identifier is a text")
    return base64url(sha256(identifier)[:16])


def _of(**identifiers: str | None) -> dict[str, str]:
    """Identifiers by the names of their members, each with its key; none for what has none."""
    given = {name: identifier for name, identifier in identifiers.items() if identifier not in (None, "")}
    return given | {f"{name}_key": key_of(identifier) for name, identifier in given.items()}


def _named(item: Mapping[str, Any]) -> dict[str, str]:
    """Whose an item is."""
    return _of(user=item.get("subject"), client=item.get("client_id"), organisation=item.get("organisation"))


def _about(kind: str, identifier: str) -> str:
    return f"{kind}/{identifier}"


def _times(item: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: item[name] for name in names if name in item}


def _fields(change: Change, *ignored: str) -> list[str]:
    """The names of the attributes that changed, but for those that are of no use outside."""
    names = {*change.before, *change.after} - {*ignored, "v", "version"}
    return sorted(name for name in names if not name.startswith("listed") and change.has_changed(name))


def _record(
    change: Change, kind: str, subject: str, named: Mapping[str, Any], fields: list[str], created: Mapping[str, Any]
) -> Iterator[Told]:
    """What records with a `status` have in common."""
    if not change.before:
        yield f"{kind}.created", subject, {**named, **created}
    elif not change.after:
        yield f"{kind}.deleted", subject, {**named, "reason": "expired" if change.is_expiry else None}
    else:
        version = {"version": change.after["version"]} if "version" in created else {}
        if change.has_changed("status"):
            is_active = change.after.get("status", ACTIVE) == ACTIVE
            yield f"{kind}.{'enabled' if is_active else 'disabled'}", subject, {**named, **version}
        if fields:
            yield f"{kind}.updated", subject, {**named, **version, "fields": fields}


# ------------------------------------------------------------------ users and organisations


def _user(change: Change) -> Iterator[Told]:
    item = change.after or change.before
    fields = _fields(
        change, *("status", "password_hash", "attributes", "provided", "updated_at", "login_address", "created_at")
    )
    # A hash that is made anew of the same password, at a sign-in, comes without a version.
    if change.has_changed("password_hash") and change.has_changed("version"):
        fields.append("password")
    before, after = (one.get("attributes", {}) for one in (change.before, change.after))
    fields += sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    created = _times(change.after, "created_at")
    yield from _record(change, "user", _about("user", key_of(item["sub"])), _of(user=item["sub"]), fields, created)


def _factors(change: Change) -> Iterator[Told]:
    """What a user has; its use, which counts and spends, is no change of that."""
    user = (change.after or change.before)["subject"]
    before, after = (_kinds_of_factors(one) for one in (change.before, change.after))
    fields = sorted(name for name in before if before[name] != after[name])
    if fields:
        yield "user.factors_changed", _about("user", key_of(user)), {**_of(user=user), "fields": fields}


def _kinds_of_factors(item: Mapping[str, Any]) -> dict[str, object]:
    return {
        "passkeys": set(item.get("passkeys", ())),
        "totp": item.get("totp", {}).get("confirmed_at", 0),  # 0 until it counts
        "recovery_codes": bool(item.get("recovery_codes")),
    }


def _organisation(change: Change) -> Iterator[Told]:
    identifier = (change.after or change.before)["organisation"]
    fields = _fields(change, "status", "created_at")
    subject, named = _about("organisation", key_of(identifier)), _of(organisation=identifier)
    yield from _record(change, "organisation", subject, named, fields, _times(change.after, "created_at"))


def _membership(change: Change) -> Iterator[Told]:
    item = change.after or change.before
    named = _named(item)
    subject = _about("membership", f"{named['organisation_key']}{named['user_key']}")
    if not change.before:
        yield "membership.created", subject, {**named, "role": item["role"], **_times(item, "created_at")}
        return
    if not change.after:
        yield "membership.deleted", subject, named
        yield "token_family.ended", subject, {**named, "reason": "membership_deleted"}
        return
    if fields := _fields(change, "epoch", "clients", "created_at"):
        yield "membership.updated", subject, {**named, "role": item["role"], "fields": fields}
    if change.has_changed("epoch"):
        present = {"membership": item.get("epoch", "")}
        yield "token_family.ended", subject, {**named, "present": present, "reason": "role_changed"}
    for client_key, count in _risen(change, "clients"):
        data = {**named, "client_key": client_key, "present": {"member_grant": count}, "reason": "approval_withdrawn"}
        yield "token_family.ended", subject, data


# ------------------------------------------------------------------ clients


def _client(change: Change) -> Iterator[Told]:
    item = change.after or change.before
    named, subject = _of(client=item["client_id"]), _about("client", key_of(item["client_id"]))
    ignored = ("status", "secrets", "registration_token_hash", "created_at", "epoch")
    fields = _fields(change, *ignored)
    if change.has_changed("registration_token_hash"):
        fields.append("registration_access_token")
    created = {"version": 0, **_times(change.after, "created_at", "expires_at", "version")}
    yield from _record(change, "client", subject, named, fields, created)
    if change.before and change.after:
        yield from _secrets(change, subject, named)


def _secrets(change: Change, subject: str, named: Mapping[str, Any]) -> Iterator[Told]:
    before, after = (_by_hash(one.get("secrets", ())) for one in (change.before, change.after))
    for name, secret in after.items():
        times = {**named, **_times(secret, "created_at", "expires_at")}
        if name not in before:
            yield "client.secret.created", subject, times
        elif "expires_at" in secret and secret["expires_at"] != before[name].get("expires_at"):
            yield "client.secret.retired", subject, times
    for name, secret in before.items():
        if name not in after:
            yield "client.secret.deleted", subject, {**named, **_times(secret, "created_at")}


def _by_hash(secrets: Iterable[Mapping[str, Any]]) -> dict[object, Mapping[str, Any]]:
    return {(one.get("hash"), one.get("encoded")): one for one in secrets}


# ------------------------------------------------------------------ what ends by a counter


def _risen(change: Change, name: str) -> list[tuple[str, int]]:
    """The entries of a map of counters that are others now."""
    before, after = change.before.get(name, {}), change.after.get(name, {})
    return [(entry, count) for entry, count in sorted(after.items()) if count != before.get(entry, 0)]


def _suspended(change: Change) -> str:
    """Why everything of a user has ended: because the user was disabled, deleted or enabled; otherwise empty."""
    if not change.has_changed("suspended"):
        return "revoked"
    return str(change.after.get("suspended", "enabled"))


def _subject_end(change: Change) -> Iterator[Told]:
    user_key, end = change.key.rpartition("#")[2], change.after
    subject, named = _about("user", user_key), {"user_key": user_key}
    if change.has_risen("epoch"):
        data = {**named, "present": {"subject": end.get("epoch", 0)}, "reason": _suspended(change)}
        for event_type in ("session.ended", "token_family.ended", "consent.revoked"):
            yield event_type, subject, data
    elif change.has_risen("sessions"):
        data = {**named, "present": {"sessions": end.get("sessions", 0)}, "reason": "signed_out"}
        yield "session.ended", subject, data
    if change.has_risen("api_keys"):
        data = {**named, "present": {"subject": end.get("api_keys", 0)}, "reason": _suspended(change)}
        yield "api_key.ended", subject, data
    for client_key, count in _risen(change, "grants"):
        data = {**named, "reason": "disconnected"}
        if client_key != EVERY_CLIENT:
            count += end["grants"].get(EVERY_CLIENT, 0)
            data |= {"client_key": client_key, "present": {"grant": count}}
        yield "token_family.ended", subject, data
        yield "consent.revoked", subject, data


def _client_end(change: Change) -> Iterator[Told]:
    client_key, copy = change.key.split("#")[2:]
    if copy != FIRST_COPY or not change.has_risen("epoch"):
        return
    data = {
        "client_key": client_key,
        "present": {"client": change.after.get("epoch", 0)},
        "reason": _suspended(change),
    }
    for event_type in ("token_family.ended", "consent.revoked", "api_key.ended"):
        yield event_type, _about("client", client_key), data


def _organisation_end(change: Change) -> Iterator[Told]:
    organisation_key, copy = change.key.split("#")[2:]
    if copy != FIRST_COPY:
        return
    subject, named = _about("organisation", organisation_key), {"organisation_key": organisation_key}
    if change.has_risen("epoch"):
        data = {**named, "present": {"organisation": change.after.get("epoch", 0)}, "reason": _suspended(change)}
        yield "token_family.ended", subject, data
        yield "api_key.ended", subject, data
    for client_key, count in _risen(change, "clients"):
        data = {**named, "client_key": client_key, "present": {"installation": count}, "reason": "disconnected"}
        yield "token_family.ended", subject, data
    for administrator_key, count in _risen(change, "approvers"):
        data = {**named, "administrator_key": administrator_key, "present": {"approval": count}}
        yield "token_family.ended", subject, {**data, "reason": "administrator_left"}
        yield "api_key.ended", subject, {**data, "reason": "administrator_left"}


def _deployment(change: Change) -> Iterator[Told]:
    """Another era ends everything. What the other attributes count, the items tell that have these versions."""
    if change.key.endswith(f"#{FIRST_COPY}") and change.has_changed("era"):
        data = {"present": {"era": change.after.get("era", "")}, "reason": "everything_ended"}
        for event_type in ("session.ended", "token_family.ended", "consent.revoked", "api_key.ended"):
            yield event_type, "deployment", data


# ------------------------------------------------------------------ what is begun


def _authorization(change: Change) -> Iterator[Told]:
    """A family begins with its first tokens, when the code is redeemed. What is removed has ended before."""
    item = change.after
    if not item:
        return
    family = change.key.partition("#")[2]
    subject, named = _about("token_family", family), {**_named(item), "token_family": family}
    if change.has_begun("redeemed_by"):
        more = {"scope": item.get("scope", "").split(), **_times(item, "begun", "created_at")}
        yield "token_family.created", subject, {**named, **more}
    if not change.before:
        return
    if change.has_changed("entities"):
        data = {name: value for name, value in named.items() if not name.startswith("organisation")}
        yield "token_family.updated", subject, {**data, "fields": ["entities"], **_times(item, "begun")}
    if change.has_begun("revoked_at"):
        yield "token_family.ended", subject, {**named, "reason": item.get("revoked_for", "revoked")}
    known = change.before.get("revoked_access_tokens", frozenset())
    for entry in sorted(item.get("revoked_access_tokens", frozenset()) - known):
        data = {name: value for name, value in named.items() if not name.startswith("organisation")}
        yield "access_token.revoked", subject, {**data, "access_token": entry.partition(".")[2]}


def _access_token(change: Change) -> Iterator[Told]:
    item = change.after
    if item.get("is_revoked") and not change.before.get("is_revoked"):
        named = _of(user=item["subject"] if item["subject"] != item["client_id"] else "", client=item["client_id"])
        identifier = key_of(item["id"])
        family = {"token_family": item.get("authorization_id")}
        yield (
            "access_token.revoked",
            _about("access_token", identifier),
            {**named, **family, "access_token": identifier},
        )


def _revoked(change: Change) -> Iterator[Told]:
    identifier, _, copy = change.key.partition("#")[2].rpartition("#")
    if copy == FIRST_COPY and not change.before:
        yield "access_token.revoked", _about("access_token", identifier), {"access_token": identifier}


def _api_key(change: Change) -> Iterator[Told]:
    item = change.after or change.before
    identifier = change.key.partition("#")[2]
    subject, named = _about("api_key", identifier), {**_named(item), "api_key": identifier}
    if not change.before:
        yield "api_key.created", subject, {**named, **_times(item, "begun", "created_at", "expires_at")}
    elif not change.after:
        if not change.is_expiry:
            yield "api_key.ended", subject, {**named, "reason": "deleted"}
    elif fields := _fields(change, "used_at", "begun", "pk"):
        yield "api_key.updated", subject, {**named, "fields": fields, **_times(item, "begun")}


def _session(change: Change) -> Iterator[Told]:
    item = change.after or change.before
    session, origin = key_of(item["id"]), key_of(item.get("origin") or item["id"])
    subject = _about("session", origin)
    named = {**_of(user=item["subject"]), "session": session, "origin": origin}
    begun = {"begun": {**item.get("begun", {}), "sessions": item.get("sessions", 0)}}
    if not change.before:
        yield "session.created", subject, {**named, **begun, **_times(item, "created_at", "expires_at")}
    elif not change.after:
        if not change.is_expiry:
            yield "session.ended", subject, {**named, "reason": "signed_out"}
    elif change.has_risen("sessions"):
        yield "session.continued", subject, {**named, **begun}


def _consent(change: Change) -> Iterator[Told]:
    item = change.after or change.before
    named = _of(user=item["subject"], client=item["client_id"])
    subject = _about("consent", change.key.partition("#")[2])
    if not change.after:
        if not change.is_expiry:
            yield "consent.revoked", subject, {**named, "reason": "deleted"}
        return
    before, after = (_granted(one) for one in (change.before, change.after))
    if any(change.has_changed(name) for name in ("begun", "created_at")):
        before = set()  # what was granted under other counters has ended, what was in the place of another has expired
    data = {**named, "scope": sorted(after), **_times(item, "begun")}
    added, removed = sorted(after - before), sorted(before - after)
    if added or (not removed and _is_allowed_anew(change, after)):
        yield "consent.granted", subject, {**data, "added": added, **_times(item, "expires_at")}
    if removed:
        yield "consent.narrowed", subject, {**data, "removed": removed, **_times(item, "expires_at")}


def _is_allowed_anew(change: Change, granted: set[str]) -> bool:
    """Whether what is granted is so for longer, or for more resources. An item that remembers only what was declined
    allows nothing, unlike one of a request without scopes."""
    is_of_a_refusal = not granted and bool(change.after.get("declined"))
    return not is_of_a_refusal and any(
        change.has_changed(name) for name in ("created_at", "expires_at", "resource_indicators")
    )


def _granted(item: Mapping[str, Any]) -> set[str]:
    return set(item.get("scopes", ())) - set(item.get("declined", ()))


def _approval(change: Change) -> Iterator[Told]:
    item = change.after or change.before
    subject, named = _about("approval", change.key.partition("#")[2]), _named(item)
    if not change.after:
        if not change.is_expiry:
            yield "approval.withdrawn", subject, named
    elif change.has_begun("decision"):
        yield "approval.decided", subject, {**named, "decision": item["decision"], **_times(item, "expires_at")}
    elif "decision" not in change.after and ("decision" in change.before or change.has_changed("created_at")):
        yield "approval.requested", subject, {**named, **_times(item, "created_at", "expires_at")}


def _erasure(change: Change) -> Iterator[Told]:
    """When it is done, the item forgets whose it was."""
    if not change.has_begun("finished_at"):
        return
    key = change.key.rpartition("#")[2]
    kind = "organisation" if "#organisation#" in change.key else "user"
    data = {f"{kind}_key": key, kind: change.before.get("organisation" if kind == "organisation" else "subject")}
    yield f"{kind}.erased", _about(kind, key), data


# ------------------------------------------------------------------ configuration and keys


def _catalogue(change: Change) -> Iterator[Told]:
    data = _times(change.after, "version")
    yield f"{change.key}.updated", change.key, data


def _identity_provider(change: Change) -> Iterator[Told]:
    """What is gone leaves an item behind, which remembers the version."""
    before, after = ({} if one.get("gone") else one for one in (change.before, change.after))
    if not before and not after:
        return
    identifier = change.key.partition("#")[2]
    seen = Change(change.table, change.key, before, after, change.sequence, change.at)
    fields = _fields(seen, "status", "created_at", "made_by", "gone")
    created = {"version": 0, **_times(after, "created_at", "version")}
    named = {"identity_provider": identifier}
    yield from _record(seen, "identity_provider", _about("identity_provider", identifier), named, fields, created)


def _webhooks(change: Change) -> Iterator[Told]:
    """One item has them all. That a secret was made is a change of the field `secrets`."""
    before, after = ({item["id"]: item for item in one.get("webhooks", ())} for one in (change.before, change.after))
    for identifier in {**before, **after}:
        seen = Change(
            change.table,
            change.key,
            before.get(identifier, {}),
            after.get(identifier, {}),
            change.sequence,
            change.at,
        )
        fields = _fields(seen, "status", "disabled_reason", "created_at", "updated_at")
        created = {"version": 0, **_times(seen.after, "created_at", "version")}
        named = {"webhook": identifier}
        yield from _record(seen, "webhook", _about("webhook", identifier), named, fields, created)


def _ring(change: Change) -> Iterator[Told]:
    before, after = ({key["kid"]: key for key in one.get("keys", ())} for one in (change.before, change.after))
    for kid, key in after.items():
        named, subject = {"ring": change.key, "kid": kid}, _about("key", kid)
        if kid not in before:
            yield "key.created", subject, {**named, **_times(key, "use_from", "created_at")}
        if "keep_until" in key and "keep_until" not in before.get(kid, {}):
            yield "key.retired", subject, {**named, "keep_until": key["keep_until"]}
    for kid, key in before.items():
        if kid not in after:
            is_over = key.get("keep_until", change.at + 1) <= change.at
            told = "key.deleted" if is_over else "key.withdrawn"
            yield told, _about("key", kid), {"ring": change.key, "kid": kid}


# ------------------------------------------------------------------ all kinds of items

KINDS: Mapping[tuple[str, str], Callable[[Change], Iterable[Told]]] = {
    (CLIENTS, ""): _client,
    (USERS, "user"): _user,
    (USERS, "factors"): _factors,
    (USERS, "organisation"): _organisation,
    (USERS, "membership"): _membership,
    (CONFIGURATION, "scopes"): _catalogue,
    (CONFIGURATION, "resources"): _catalogue,
    (CONFIGURATION, "theme"): _catalogue,
    (CONFIGURATION, "idp"): _identity_provider,
    (CONFIGURATION, "webhooks"): _webhooks,
    (KEYS, ""): _ring,
    (TOKENS, "end#subject"): _subject_end,
    (TOKENS, "end#client"): _client_end,
    (TOKENS, "end#organisation"): _organisation_end,
    (TOKENS, "deployment"): _deployment,
    (TOKENS, "authorization"): _authorization,
    (TOKENS, "access_token"): _access_token,
    (TOKENS, "revoked"): _revoked,
    (TOKENS, "api_key"): _api_key,
    (TOKENS, "session"): _session,
    (TOKENS, "consent"): _consent,
    (TOKENS, "approval"): _approval,
    (TOKENS, "erasure"): _erasure,
}

# No event, because …
SILENT: Mapping[tuple[str, str], str] = {
    (USERS, "login"): "the user's record, written with it, has the login name",
    (USERS, "identity"): "the user's record, written with it, has the identities",
    (USERS, "invitation"): "it is an offer to a name; membership.created tells that it was accepted",
    (CONFIGURATION, "domain"): "the identity provider, written with it, has its domains",
    (CONFIGURATION, "callback"): "the identity provider, written with it, has its path",
    (CONFIGURATION, "logo"): "the client's record, written with it, has the version",
    (CONFIGURATION, "shared"): "it leads to a client, whose record tells what becomes of it",
    (TOKENS, "traded"): "the authorization, written with it, tells the same",
    (TOKENS, "device"): "it waits for an authorization, which tells that there is one",
    (TOKENS, "initial"): "it grants nothing of anybody's; client.created tells that it was used",
    (TOKENS, "request"): "it is a request under way",
    (TOKENS, "federation"): "it is a sign-in under way",
    (TOKENS, "activity"): "it is the user's own record of what other items tell",
    (TOKENS, "mail"): "it is a link under way; what it is used for, the user's record tells",
    (TOKENS, "spent"): "it marks something that is used once",
    (TOKENS, "throttle"): "it counts attempts",
    (TOKENS, "document"): "it is a copy of what is elsewhere",
    (TOKENS, "refusals"): "it counts refusals, which the log has",
}
