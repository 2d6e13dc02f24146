"""Every flow there is, the failing ones among them, so that what they do to AWS and to the logs can be looked at.

Each leaves the world as it found it no more than a person would; `World.reset` is for whoever calls.
"""

from tests.functions import (
    account_api_flows,
    account_flows,
    bridge_flows,
    client_flows,
    consent_flows,
    developer_flows,
    device_flows,
    document_flows,
    erasure_flows,
    factor_flows,
    key_flows,
    legacy_flows,
    mail_flows,
    management_flows,
    organisation_flows,
    page_flows,
    registration_flows,
    sign_in_flows,
)
from tests.functions.flowing import (
    BRIDGE_FLOWS,
    DEVICE_FLOWS,
    DOCUMENT_FLOWS,
    FLOWS,
    LEGACY_FLOWS,
    MAIL_FLOWS,
    REGISTRATION_FLOWS,
)

__all__ = [
    "BRIDGE_FLOWS",
    "DEVICE_FLOWS",
    "DOCUMENT_FLOWS",
    "FLOWS",
    "LEGACY_FLOWS",
    "MAIL_FLOWS",
    "REGISTRATION_FLOWS",
    "account_api_flows",
    "account_flows",
    "bridge_flows",
    "client_flows",
    "consent_flows",
    "developer_flows",
    "device_flows",
    "document_flows",
    "erasure_flows",
    "factor_flows",
    "key_flows",
    "legacy_flows",
    "mail_flows",
    "management_flows",
    "organisation_flows",
    "page_flows",
    "registration_flows",
    "sign_in_flows",
]
