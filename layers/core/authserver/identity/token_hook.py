"""The token hook: an operator's own function, which is asked before tokens are issued and when userinfo answers.

It adds claims of its own to those of the server, or refuses. What it is asked and what it may answer is a contract,
docs/token-hook.md. It is asked before the write that licenses the tokens, so it may be asked again for the same ones.

An answer that breaks the contract counts as none: nothing of it is used.
"""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from authserver.errors import (
    AccessDenied,
    InvalidGrant,
    InvalidToken,
    OAuthError,
    TemporarilyUnavailable,
    UnauthorizedClient,
)
from authserver.identity.claims import CLAIM, LONGEST_NUMBER, SCOPE_OF, is_utf8
from authserver.models.tokens import RESERVED_CLAIMS
from authserver.ports import HookFailed
from authserver.records import dataclass
from authserver.scopes import ACCESS_TOKEN, ID_TOKEN, USERINFO
from authserver.tokens.access_token import CLAIMS_BUDGET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.models.organisations import Membership
    from authserver.ports import TokenHook
    from authserver.services import Services
    from authserver.values import Scope

    type Claims = Mapping[str, Any]

VERSION = 1  # of the contract
AT_USERINFO = "userinfo"  # in place of a grant type
PLACES = (ID_TOKEN, USERINFO, ACCESS_TOKEN)
MAX_CLAIMS = 2048  # octets of JSON, in all places together; of an access token's alone `CLAIMS_BUDGET`
MAX_DEPTH = 5  # of lists and objects in each other
# What tokens say by themselves, and what OpenID Connect's scopes tell: a user was asked for those.
NOT_THE_HOOKS = RESERVED_CLAIMS | SCOPE_OF.keys()
DESCRIPTION = r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,200}"  # of an error (RFC 6749 section 5.2)
# What a refusal is to the client. Where a user granted something, RFC 6749 section 5.2 has no better word than
# `invalid_grant`.
REFUSALS: Mapping[str, type[OAuthError]] = MappingProxyType(
    {"client_credentials": UnauthorizedClient, "implicit": AccessDenied, AT_USERINFO: InvalidToken}
)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What the function is asked about: `trigger` is the grant type, or `AT_USERINFO`.

    `subject` is None for a client that acts for itself. The `membership` is the user's in the `organisation`, None
    where it was not read.
    """

    trigger: str
    client_id: str
    client_name: str
    subject: str | None
    scope: Scope
    resource: tuple[str, ...]
    authorization_id: str | None = None
    organisation: str = ""
    membership: Membership | None = None


def added_claims(
    hook: TokenHook, occasion: Occasion, told: Mapping[str, Claims], services: Services
) -> Mapping[str, Claims]:
    """What the function adds, by place, of the places where something is `told`.

    Raises the error of its refusal (`REFUSALS`, else `InvalidGrant`), and `TemporarilyUnavailable` if it failed and
    nothing is to be issued without it.
    """
    try:
        answer = hook.ask(_question(occasion, told))
        _let_it_refuse(answer, occasion)
        added = _read(answer)
    except HookFailed as failure:
        hook.failed(failure.reason)
        if services.settings.continues_without_hook:
            return {}
        raise TemporarilyUnavailable("The request cannot be answered now", reason=failure.reason) from None
    return {place: claims for place, claims in added.items() if place in told}


def _question(occasion: Occasion, told: Mapping[str, Claims]) -> dict[str, Any]:
    organisation, membership = None, occasion.membership
    if occasion.organisation:
        organisation = {
            "id": occasion.organisation,
            "role": membership.role if membership else None,
            "groups": sorted(membership.groups) if membership else [],
        }
    return {
        "version": VERSION,
        "trigger": occasion.trigger,
        "client": {"client_id": occasion.client_id, "client_name": occasion.client_name},
        "subject": occasion.subject,
        "scope": str(occasion.scope),
        "resource": list(occasion.resource),
        "organisation": organisation,
        "authorization_id": occasion.authorization_id,
        "claims": {place: dict(claims) for place, claims in told.items()},
    }


def _let_it_refuse(answer: Any, occasion: Occasion) -> None:
    """Before anything else of the answer: a refusal that is not well-formed is one."""
    refusal = answer.get("refuse") if isinstance(answer, dict) else None
    if refusal is None or refusal is False:
        return
    is_told = isinstance(refusal, str) and re.fullmatch(DESCRIPTION, refusal)
    description = refusal if is_told else "The request was refused"
    raise REFUSALS.get(occasion.trigger, InvalidGrant)(description, reason="token_hook_refused")


def _read(answer: Any) -> dict[str, Claims]:
    """The claims of an answer, by place. Raises `HookFailed`."""
    if not isinstance(answer, dict) or not answer.keys() <= {"claims", "refuse"}:
        raise HookFailed("token_hook_malformed")
    claims = answer.get("claims", {})
    if not isinstance(claims, dict) or not claims.keys() <= {*PLACES}:
        raise HookFailed("token_hook_malformed")
    if not all(isinstance(of_place, dict) for of_place in claims.values()):
        raise HookFailed("token_hook_malformed")
    names = frozenset().union(*claims.values())
    if NOT_THE_HOOKS & {*map(str.lower, names)}:
        raise HookFailed("token_hook_reserved")
    if not all(re.fullmatch(CLAIM, name) for name in names) or not _is_value(claims, depth=-2):
        raise HookFailed("token_hook_malformed")
    if _size(claims) > MAX_CLAIMS or _size(claims.get(ACCESS_TOKEN, {})) > CLAIMS_BUDGET:
        raise HookFailed("token_hook_too_large")
    return claims


def _is_value(value: Any, depth: int) -> bool:
    """Whether it is what every place can hold, records of opaque tokens among them; `depth` is how deep it is in it."""
    if isinstance(value, dict):
        return depth < MAX_DEPTH and all(is_utf8(name) and _is_value(one, depth + 1) for name, one in value.items())
    if isinstance(value, list):
        return depth < MAX_DEPTH and all(_is_value(one, depth + 1) for one in value)
    if isinstance(value, str):
        return is_utf8(value)
    return isinstance(value, int) and abs(value) <= LONGEST_NUMBER


def _size(claims: Claims) -> int:
    return len(json.dumps(claims, separators=(",", ":")))
