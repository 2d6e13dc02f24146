"""The worth of a grant: what was granted, as far as it may be granted now.

The client's end contains the client's scope, the subject's end the operator's mark, and the catalogue is remembered by
the version in the deployment's item. So every check of a token notices a change with the read that it makes anyway.
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
    """The part of a user's scope that the client may have now, and that the user or an administrator may give."""
    kept = worth_of_client(scope, ends.client, scopes)
    words = {
        *((OPERATOR,) if ends.subject.operator else ()),
        *((ADMINISTRATOR,) if authorization.by_administrator or authorization.begun.approver else ()),
    }
    words_for = scopes().words_for
    return Scope(tuple(name for name in kept if words_for(name) <= words))


def worth_of_client(scope: Scope, end: ClientEnd, scopes: Scopes) -> Scope:
    """The part of a scope that its client may ask for now."""
    return covered(scope, scope if end.scope is None else end.scope | scopes().for_every_client, scopes)


def worth_of_machine(scope: Scope, end: ClientEnd, scopes: Scopes) -> Scope:
    """The part of its own scope that a client may have now. An operator registered it; no administrator was asked."""
    words_for = scopes().words_for
    kept = worth_of_client(scope, end, scopes)
    return Scope(tuple(name for name in kept if ADMINISTRATOR not in words_for(name)))
