"""The primary keys of items, and the sixteen parts and copies of what many write or read at once."""

from functools import lru_cache

from authserver.tokens.opaque import key_of
from authserver.values import base64url, normalised_username, sha256


@lru_cache(maxsize=256)
def key_text(text: str) -> str:
    """What stands for an identifier of a subject, client or organisation in a key."""
    return base64url(key_of(text))


def is_key(identifier: str) -> bool:
    """Whether an identifier may be a key by itself; no client's is longer, and DynamoDB refuses those that are much."""
    return 0 < len(identifier.encode("utf-8", "replace")) <= 1024


SHARDS = 16  # of what many read at once: each bears 3,000 strongly consistent reads a second


def subject_end_key(subject_key: str) -> str:
    return f"end#subject#{subject_key}"


def client_end_key(client_key: str, shard: int) -> str:
    return f"end#client#{client_key}#{shard:x}"


def organisation_end_key(organisation_key: str, shard: int) -> str:
    return f"end#organisation#{organisation_key}#{shard:x}"


def deployment_key(shard: int) -> str:
    return f"deployment#{shard:x}"


def revoked_key(jti: str, shard: int) -> str:
    return f"revoked#{jti}#{shard:x}"


def organisation_key(organisation: str) -> str:
    return f"organisation#{key_text(organisation)}"


def membership_key(organisation: str, subject: str) -> str:
    return f"membership#{key_text(organisation)}{key_text(subject)}"


def consent_key(subject: str, client_id: str) -> str:
    return f"consent#{key_text(subject)}{key_text(client_id)}"


def approval_key(organisation: str, client_id: str, subject: str) -> str:
    return f"approval#{key_text(organisation)}{key_text(client_id)}{key_text(subject)}"


def device_key(device_id: str) -> str:
    return f"device#{device_id}"


def document_key(client_id: str) -> str:
    return f"document#client#{key_text(client_id)}"


def key_set_key(client_id: str) -> str:
    return f"document#keys#{key_text(client_id)}"


def traded_key(token_hash: bytes) -> str:
    return f"traded#{base64url(token_hash)}"


def initial_access_token_key(token_id: str) -> str:
    return f"initial#{token_id}"


def api_key_key(key_id: str) -> str:
    return f"api_key#{key_id}"


def mail_key(link_id: str) -> str:
    return f"mail#{link_id}"


def erasure_key(subject_key: str) -> str:
    return f"erasure#{subject_key}"


def shared_key(fingerprint: str) -> str:
    return f"shared#{fingerprint}"


def logo_key(client_id: str) -> str:
    return f"logo#{key_text(client_id)}"


def factors_key(sub: str) -> str:
    return f"factors#{key_text(sub)}"


def login_key(username: str) -> str:
    return f"login#{base64url(sha256(normalised_username(username)))}"


def identity_key(identity_id: str) -> str:
    return f"identity#{identity_id}"


def part_of(identifier: str) -> str:
    """Which of its sixteen parts an index lists something in: so that no part of it takes all the writes."""
    return f"{sha256(identifier)[0] & 15:x}"


def shard_of(identifier: str) -> int:
    """Which of the sixteen copies of something to look at, where it is done for one identifier."""
    return int(part_of(identifier), 16)


def parts_of(listed: str) -> tuple[str, ...]:
    """All the parts of what an index lists."""
    return tuple(f"{listed}#{part:x}" for part in range(16))


def event_key(event_id: str) -> str:
    return f"event#{event_id}"


def audit_day(day: str, event_id: str) -> str:
    """What an event of the audit is listed by: its day, as ``YYYY-MM-DD``, and one of that day's sixteen parts."""
    return f"{day}#{part_of(event_id)}"


def sealed_key(event_id: str) -> str:
    return f"sealed#{event_id}"


def link_key(shard: str, day: str, number: int) -> str:
    return f"link#{shard}#{day}#{number}"


def head_key(shard: str, day: str = "") -> str:
    """The head of a shard; with a day that is over, the one that it had then."""
    return f"head#{shard}#{day}" if day else f"head#{shard}"


def administrators_key(organisation: str) -> str:
    """What the administrators of an organisation are listed by."""
    return f"administrators#{key_text(organisation)}"
