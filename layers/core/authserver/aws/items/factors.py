"""The items of what users have besides a password."""

from collections.abc import Mapping
from typing import Any

from authserver.aws.items.primary_keys import factors_key
from authserver.aws.items.records import attributes_of, read_known, record_of
from authserver.aws.table import Item, encode_item
from authserver.models.factors import Factors, Passkey, Totp
from authserver.values import base64url, sha256


def factors_of(item: Item | None) -> Factors | None:
    """The factors of a user. Some that cannot be read must not be taken for none: a password would be enough."""
    return read_known(_factors, item, reason="factors_malformed")


def factors_item(factors: Factors) -> Item:
    return encode_item(
        {
            "id": factors_key(factors.subject),
            "subject": factors.subject,
            "totp": attributes_of(factors.totp) if factors.totp else None,
            "recovery_codes": factors.recovery_codes,
            "passkeys": {passkey_name(one.id): attributes_of(one) for one in factors.passkeys},
            "version": factors.version,
        }
    )


def passkey_name(passkey_id: bytes) -> str:
    """What a passkey is called among its user's: an identifier may be longer than a name of DynamoDB's."""
    return base64url(sha256(base64url(passkey_id)))


def _factors(item: Mapping[str, Any]) -> Factors:
    passkeys = (
        record_of(Passkey, {**one, "transports": tuple(one["transports"])}) for one in item["passkeys"].values()
    )
    return record_of(
        Factors,
        {
            **item,
            "totp": record_of(Totp, item["totp"]) if "totp" in item else None,
            "passkeys": tuple(sorted(passkeys, key=lambda one: (one.created_at, one.id))),
        },
    )
