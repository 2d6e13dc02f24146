"""The account API: what users see and change of their own, and administrators of their organisation.

The acting user is the token's subject; a client's own token has none. Whether the user administers an organisation
is read, strongly consistent, at each call: nothing in a token says so. What a user may do for an organisation, no
application does for itself: it neither reaches more by its own call nor answers what was asked for it.
"""

from authserver.management.account import (
    api_keys,
    applications,
    approvals,
    members,
    organisations,
    profile,
    sessions,
)

OPERATIONS = (
    *profile.OPERATIONS,
    *applications.OPERATIONS,
    *sessions.OPERATIONS,
    *organisations.OPERATIONS,
    *members.OPERATIONS,
    *api_keys.OPERATIONS,
    *approvals.OPERATIONS,
)
