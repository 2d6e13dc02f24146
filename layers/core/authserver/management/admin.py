"""The admin API: everything that operators do."""

from authserver.management import (
    authorizations,
    clients,
    identity_providers,
    keys,
    organisations,
    scopes,
    theme,
    users,
)

OPERATIONS = (
    *clients.OPERATIONS,
    *users.OPERATIONS,
    *organisations.OPERATIONS,
    *scopes.OPERATIONS,
    *authorizations.OPERATIONS,
    *keys.OPERATIONS,
    *identity_providers.OPERATIONS,
    *theme.OPERATIONS,
)
