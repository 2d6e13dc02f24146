"""What a grant is worth: what was granted, as far as it may be granted now.

The client's scope rides in its end, the operator's mark in the subject's, and the catalogue is remembered by the
version that the deployment's item tells: so whoever checks a token sees a cut with the read that it makes anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.scopes import ADMINISTRATOR, OPERATOR, Scopes, covered
from authserver.values import Scope

if TYPE_CHECKING:
    from authserver.ends import ClientEnd
    from authserver.models.tokens import Authorization
    from authserver.storage.standing import Ends


def worth(scope: Scope, authorization: Authorization, ends: Ends, scopes: Scopes) -> Scope:
    """What of a user's scope the client may have now, and the user's word, or an administrator's, may give."""
    kept = worth_of_client(scope, ends.client, scopes)
    words = {
        *((OPERATOR,) if ends.subject.operator else ()),
        *((ADMINISTRATOR,) if authorization.by_administrator or authorization.begun.approver else ()),
    }
    words_for = scopes().words_for
    return Scope(tuple(name for name in kept if words_for(name) <= words))


def worth_of_client(scope: Scope, end: ClientEnd, scopes: Scopes) -> Scope:
    """What of a scope its client may ask for now."""
    return covered(scope, scope if end.scope is None else end.scope | scopes().for_every_client, scopes)


def worth_of_machine(scope: Scope, end: ClientEnd, scopes: Scopes) -> Scope:
    """What of its own scope a client may have now: an operator registered it, but no administrator was asked."""
    words_for = scopes().words_for
    kept = worth_of_client(scope, end, scopes)
    return Scope(tuple(name for name in kept if ADMINISTRATOR not in words_for(name)))
