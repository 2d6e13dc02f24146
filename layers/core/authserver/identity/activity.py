"""The activity of an account, by which its user finds out what they did not do: kept for 90 days, shown on a page of
the server.

`note` is called after the act, and never fails it. An act that could not be noted is missing from the list.
"""

from contextlib import suppress

from authserver.errors import TemporarilyUnavailable
from authserver.identity.throttle import network_of
from authserver.models.journal import Activity
from authserver.services import Services
from authserver.values import base64url

KEPT = 90 * 86_400

# The kinds of events, and in brackets what `about` contains.
SIGNED_IN = "signed_in"  # (by what: `PASSWORD`, `CODE`, `RECOVERY_CODE` or `PASSKEY`)
SIGNED_IN_ELSEWHERE = "signed_in_elsewhere"  # (the identity provider's name)
SESSION_ENDED = "session_ended"  # (the device that it was on)
SESSIONS_ENDED = "sessions_ended"
PASSWORD_CHANGED = "password_changed"
FACTOR_ADDED = "factor_added"  # (which: `CODE` or `PASSKEY`)
FACTOR_REMOVED = "factor_removed"  # (which)
RECOVERY_CODES_MADE = "recovery_codes_made"
IDENTITY_REMOVED = "identity_removed"  # (the identity provider)
LINK_WITHDRAWN = "link_withdrawn"
APPLICATION_CONNECTED = "application_connected"  # (its client identifier)
APPLICATION_DISCONNECTED = "application_disconnected"  # (its client identifier)
APPLICATIONS_DISCONNECTED = "applications_disconnected"
API_KEY_MADE, API_KEY_ENDED = "api_key_made", "api_key_ended"  # (its name)
API_KEYS_ENDED = "api_keys_ended"
PROFILE_CHANGED = "profile_changed"
EMAIL_CHANGED = "email_changed"
EMAIL_VERIFIED = "email_verified"
USERNAME_CHANGED = "username_changed"  # (the earlier one, which is another user's address)
DATA_EXPORTED = "data_exported"

# What an operator did to the account, which its user learns by mail as well (`mails.tell_of_operator`).
PASSWORD_SET = "password_set"
FACTORS_REMOVED = "factors_removed"  # all of them
IDENTITY_LINKED = "identity_linked"  # (the identity provider)
IDENTITY_UNLINKED = "identity_unlinked"  # (the identity provider)
EMAIL_SET = "email_set"
LINK_REVOKED = "link_revoked"
OPERATOR_MADE, OPERATOR_ENDED = "operator_made", "operator_ended"
ADMINISTRATOR_MADE, MEMBER_MADE = "administrator_made", "member_made"  # (the organisation)
MEMBERSHIP_ENDED = "membership_ended"  # (the organisation)
ACCOUNT_DISABLED, ACCOUNT_ENABLED = "account_disabled", "account_enabled"
KEY_GIVEN, KEY_TAKEN = "key_given", "key_taken"  # an API key (its name)
BY_OPERATOR = (
    *(PASSWORD_SET, FACTORS_REMOVED, IDENTITY_LINKED, IDENTITY_UNLINKED, EMAIL_SET, LINK_REVOKED),
    *(OPERATOR_MADE, OPERATOR_ENDED, ADMINISTRATOR_MADE, MEMBER_MADE, MEMBERSHIP_ENDED),
    *(ACCOUNT_DISABLED, ACCOUNT_ENABLED, KEY_GIVEN, KEY_TAKEN),
)

# How the user signed in: by a password alone, with a code of an app after it, with a recovery code; by a passkey.
PASSWORD, CODE, RECOVERY_CODE, PASSKEY = "password", "code", "recovery_code", "passkey"


def note(services: Services, subject: str, kind: str, *, device: str = "", source: str = "", about: str = "") -> None:
    """Notes an event of the subject's account that happened just now. Of the address `source`, only the network is
    stored."""
    now = services.now()
    activity = Activity(
        id=base64url(services.random(16)),
        subject=subject,
        kind=kind,
        created_at=now,
        expires_at=now + KEPT,
        device=device,
        source=network_of(source),
        about=about,
    )
    with suppress(TemporarilyUnavailable):
        services.journal.note_activity(activity)
