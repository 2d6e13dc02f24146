"""The admin API: everything that operators do."""

from authserver.management import authorizations, clients, keys, organisations, scopes, users

OPERATIONS = (
    *clients.OPERATIONS,
    *users.OPERATIONS,
    *organisations.OPERATIONS,
    *scopes.OPERATIONS,
    *authorizations.OPERATIONS,
    *keys.OPERATIONS,
)
