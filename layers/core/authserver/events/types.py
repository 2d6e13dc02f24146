"""The types of events, and which members each has: what docs/events.md and docs/events.schema.json are written from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authserver.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 1  # raised if a member ceases to be there, or means something else; not if one is added

TEXT: Mapping[str, Any] = {"type": "string"}
NUMBER: Mapping[str, Any] = {"type": "integer"}
NAMES: Mapping[str, Any] = {"type": "array", "items": {"type": "string"}}
COUNTERS: Mapping[str, Any] = {"type": "object", "additionalProperties": {"type": ["integer", "string"]}}

# What each member is, and how it is written. A key is the first half of the SHA-256 of an identifier, in base64url.
MEMBERS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "user": (TEXT, "Identifier of the user, the `sub` of tokens"),
    "user_key": (TEXT, "Key of the user's identifier"),
    "client": (TEXT, "`client_id`"),
    "client_key": (TEXT, "Key of the `client_id`"),
    "organisation": (TEXT, "Identifier of the organisation"),
    "organisation_key": (TEXT, "Key of the organisation's identifier"),
    "administrator_key": (TEXT, "Key of the identifier of the user who granted it as an administrator"),
    "session": (TEXT, "Key of the session's identifier"),
    "origin": (TEXT, "Key of the identifier with which the session began; another one than `session` if it continues"),
    "token_family": (TEXT, "Identifier of the authorization from which codes and tokens come"),
    "access_token": (TEXT, "`jti` of the access token; of an opaque one, the key of its identifier"),
    "api_key": (TEXT, "Identifier of the API key"),
    "identity_provider": (TEXT, "Identifier of the identity provider"),
    "webhook": (TEXT, "Identifier of the webhook"),
    "ring": (TEXT, "Ring of the key: `ES256`, `RS256`, `token` or `access_token`"),
    "kid": (TEXT, "Identifier of the key"),
    "fields": (NAMES, "Names of the fields that changed"),
    "scope": (NAMES, "Names of the scopes that are granted now"),
    "added": (NAMES, "Names of the scopes that were not granted before"),
    "removed": (NAMES, "Names of the scopes that are not granted any more"),
    "role": (TEXT, "`administrator` or `member`"),
    "decision": (TEXT, "`allow` or `deny`"),
    "reason": (TEXT, "Why it happened"),
    "version": (NUMBER, "Version of the record after the change"),
    "begun": (COUNTERS, "Counters under which it began"),
    "present": (COUNTERS, "Counters from now on: what began under others has ended"),
    "created_at": (NUMBER, "Epoch seconds"),
    "use_from": (NUMBER, "When the key begins to be used, in epoch seconds"),
    "keep_until": (NUMBER, "Until when the key is kept, in epoch seconds"),
    "expires_at": (NUMBER, "Epoch seconds"),
}


@dataclass(frozen=True, slots=True)
class EventType:
    """What happened, and the names of the members that its events always have, and may have."""

    meaning: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


def _type(meaning: str, required: str, optional: str = "") -> EventType:
    return EventType(meaning, tuple(required.split()), tuple(optional.split()))


EVENT_TYPES: Mapping[str, EventType] = {
    "user.created": _type("A user was added.", "user user_key", "created_at"),
    "user.updated": _type("Fields of a user changed.", "user user_key fields"),
    "user.disabled": _type("A user was disabled.", "user user_key"),
    "user.enabled": _type("A disabled user was enabled.", "user user_key"),
    "user.deleted": _type("A user was deleted. What names the user is being removed.", "user user_key"),
    "user.erased": _type("Nothing names the deleted user any more.", "user_key", "user"),
    "user.factors_changed": _type("A user's second factors or passkeys changed.", "user user_key fields"),
    "client.created": _type("A client was added.", "client client_key", "created_at expires_at version"),
    "client.updated": _type("Fields of a client changed.", "client client_key fields", "version"),
    "client.disabled": _type("A client was disabled.", "client client_key", "version"),
    "client.enabled": _type("A disabled client was enabled.", "client client_key", "version"),
    "client.deleted": _type(
        "A client was deleted; with the reason `expired`, because its registration was not used in time.",
        "client client_key",
        "reason",
    ),
    "client.secret.created": _type("A client was given another secret.", "client client_key", "created_at expires_at"),
    "client.secret.retired": _type("A secret of a client was given an end.", "client client_key created_at expires_at"),
    "client.secret.deleted": _type("A secret of a client was removed.", "client client_key", "created_at"),
    "consent.granted": _type(
        "A user allowed a client scopes, or allowed them for longer, and the server remembers it.",
        "user user_key client client_key scope",
        "added begun expires_at",
    ),
    "consent.narrowed": _type(
        "A user's remembered consent has fewer scopes.",
        "user user_key client client_key scope removed",
        "begun expires_at",
    ),
    "consent.revoked": _type(
        "Remembered consents ended: those that have the members of the event.",
        "",
        "user user_key client client_key present reason",
    ),
    "session.created": _type(
        "A browser was signed in, or a session continues with another identifier.",
        "user user_key session origin",
        "begun created_at expires_at",
    ),
    "session.continued": _type(
        "A session outlived the sign-out of all others of its user.", "user user_key session origin", "begun"
    ),
    "session.ended": _type(
        "Sessions ended: those that have the members of the event.",
        "",
        "user user_key session origin present reason",
    ),
    "token_family.created": _type(
        "A client was given tokens for a user.",
        "user user_key client client_key token_family scope",
        "organisation organisation_key begun created_at",
    ),
    "token_family.updated": _type(
        "The companies that a grant reaches changed.", "user user_key client client_key token_family fields", "begun"
    ),
    "token_family.ended": _type(
        "Grants and all their tokens ended: those that have the members of the event.",
        "",
        "user user_key client client_key organisation organisation_key administrator_key token_family present reason",
    ),
    "access_token.revoked": _type(
        "One access token was revoked.", "access_token", "user user_key client client_key token_family"
    ),
    "api_key.created": _type(
        "An API key was made.",
        "api_key",
        "user user_key client client_key organisation organisation_key begun created_at expires_at",
    ),
    "api_key.updated": _type(
        "Fields of an API key changed.",
        "api_key fields",
        "user user_key client client_key organisation organisation_key begun",
    ),
    "api_key.ended": _type(
        "API keys ended: those that have the members of the event.",
        "",
        "user user_key client client_key organisation organisation_key administrator_key api_key present reason",
    ),
    "organisation.created": _type("An organisation was added.", "organisation organisation_key", "created_at"),
    "organisation.updated": _type("Fields of an organisation changed.", "organisation organisation_key fields"),
    "organisation.disabled": _type("An organisation was disabled.", "organisation organisation_key"),
    "organisation.enabled": _type("A disabled organisation was enabled.", "organisation organisation_key"),
    "organisation.deleted": _type("An organisation was deleted.", "organisation organisation_key"),
    "organisation.erased": _type(
        "Nothing is left of what belonged to the deleted organisation.", "organisation_key", "organisation"
    ),
    "membership.created": _type(
        "A user became a member of an organisation.", "user user_key organisation organisation_key role", "created_at"
    ),
    "membership.updated": _type(
        "A member's role or groups changed.", "user user_key organisation organisation_key role fields"
    ),
    "membership.deleted": _type(
        "A user is no member of an organisation any more.",
        "user user_key organisation organisation_key",
    ),
    "approval.requested": _type(
        "A member asked the administrators of an organisation to allow a client.",
        "user user_key client client_key organisation organisation_key",
        "created_at expires_at",
    ),
    "approval.decided": _type(
        "An administrator answered such a request.",
        "user user_key client client_key organisation organisation_key decision",
        "expires_at",
    ),
    "approval.withdrawn": _type(
        "Such a request, or the answer to it, was taken back.",
        "user user_key client client_key organisation organisation_key",
    ),
    "identity_provider.created": _type("An identity provider was added.", "identity_provider", "created_at version"),
    "identity_provider.updated": _type(
        "Fields of an identity provider changed.", "identity_provider fields", "version"
    ),
    "identity_provider.disabled": _type("An identity provider was disabled.", "identity_provider", "version"),
    "identity_provider.enabled": _type("A disabled identity provider was enabled.", "identity_provider", "version"),
    "identity_provider.deleted": _type("An identity provider was removed.", "identity_provider"),
    "webhook.created": _type("A webhook was added.", "webhook", "created_at version"),
    "webhook.updated": _type("Fields of a webhook changed.", "webhook fields", "version"),
    "webhook.disabled": _type("A webhook was disabled, by an operator or by its answer 410.", "webhook", "version"),
    "webhook.enabled": _type("A disabled webhook was enabled.", "webhook", "version"),
    "webhook.deleted": _type("A webhook was removed.", "webhook"),
    "webhook.test": _type("An operator tries a webhook. It is sent to that webhook alone.", "webhook"),
    "scopes.updated": _type("The scope catalogue changed.", "", "version"),
    "resources.updated": _type("The stored resources changed.", "", "version"),
    "theme.updated": _type("The look of the pages changed.", "", "version"),
    "key.created": _type("A key was made. It is published before it is used.", "ring kid use_from", "created_at"),
    "key.retired": _type("A newer key takes the place of a key, which is kept for a time.", "ring kid keep_until"),
    "key.withdrawn": _type("A key was withdrawn: what it signed or sealed is worth nothing.", "ring kid"),
    "key.deleted": _type("A retired key was dropped after its time.", "ring kid"),
}


def schema_name(event_type: str) -> str:
    """The `dataschema` of a type: an absolute URI, with the version."""
    return f"urn:authserver:event:{SCHEMA_VERSION}:{event_type}"


def data_schema(event_type: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the `data` of a type."""
    described = EVENT_TYPES[event_type]
    names = (*described.required, *described.optional)
    return {
        "$id": schema_name(event_type),
        "description": described.meaning,
        "type": "object",
        "required": list(described.required),
        "properties": {name: {**MEMBERS[name][0], "description": MEMBERS[name][1]} for name in names},
    }
