"""The admin API: everything that operators do."""

from authserver.management.admin import (
    api_keys,
    audit,
    authorizations,
    client_documents,
    clients,
    consents,
    erasures,
    identity_providers,
    keys,
    organisations,
    resources,
    scopes,
    theme,
    users,
    webhooks,
)

OPENAPI = "GET /openapi.json"  # what describes this API and the others

OPERATIONS = (
    *clients.OPERATIONS,
    *client_documents.OPERATIONS,
    *users.OPERATIONS,
    *erasures.OPERATIONS,
    *consents.OPERATIONS,
    *organisations.OPERATIONS,
    *scopes.OPERATIONS,
    *resources.OPERATIONS,
    *authorizations.OPERATIONS,
    *api_keys.OPERATIONS,
    *keys.OPERATIONS,
    *identity_providers.OPERATIONS,
    *webhooks.OPERATIONS,
    *theme.OPERATIONS,
    *audit.OPERATIONS,
)
