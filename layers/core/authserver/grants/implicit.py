"""The implicit grant: RFC 6749 section 4.2, OpenID Connect Core section 3.2. Off unless the operator turns it on.

Tokens travel through the browser's address bar, where RFC 9700 section 2.1.2 does not want them; the code grant with
PKCE is the replacement. There is no request to the token endpoint, so this module has no `issue`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from authserver.errors import InvalidGrant, LoginRequired
from authserver.grants import added_by_hook, begin_active, new_authorization, told_of
from authserver.messages.token import TokenResponse
from authserver.scopes import ACCESS_TOKEN, ID_TOKEN
from authserver.tokens.access_token import Issue, issue_access_token, lifetime_of
from authserver.tokens.id_token import issue_id_token
from authserver.values import Secret, base64url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.grants import Claims
    from authserver.messages.authorization import Allowed, ValidatedAuthorizationRequest
    from authserver.models.tokens import Authorization
    from authserver.services import Services

GRANT_TYPE: str = "implicit"
RESPONSE_TYPES: tuple[str, ...] = ("token", "id_token", "id_token token")
KINDS = {ID_TOKEN: "id_token", ACCESS_TOKEN: "token"}  # the words of a response type


def answer(request: ValidatedAuthorizationRequest, allowed: Allowed, services: Services) -> Mapping[str, str] | None:
    """The tokens of the response type (section 4.2.2), made before the write that licenses them.

    They belong to an authorization that lives as long as the access token and has neither a code nor a refresh token.
    """
    now = services.now()
    authorization = new_authorization(
        request,
        allowed,
        services,
        expires_at=now + lifetime_of(request.client, services),
        rotated_at=now,
        code_hash=b"",  # the hash of nothing
        code_expires_at=now,
        redeemed_by=base64url(services.random(16)),
    )
    asked = request.response_type.split(" ")
    try:
        told = told_of(
            request.client, authorization, authorization.scope, services, is_all_there_is="token" not in asked
        )
    except InvalidGrant as error:
        raise LoginRequired("The user is not known any more", reason=error.reason) from None
    issue = _issue(request, authorization, told[ACCESS_TOKEN])
    places = [place for place, kind in KINDS.items() if kind in asked]
    added = added_by_hook(GRANT_TYPE, issue, {place: told[place] for place in places}, services)
    parameters: dict[str, str] = {}
    access_token = None
    if "token" in asked:
        access_token, parameters = _access_token(replace(issue, added=added[ACCESS_TOKEN]), services)
    if "id_token" in asked:
        id_token = issue_id_token(
            request.client, authorization, access_token, services, told[ID_TOKEN], added[ID_TOKEN]
        )
        parameters["id_token"] = id_token.reveal()
    return parameters if begin_active(authorization, services, allowed.session.id) else None


def _issue(request: ValidatedAuthorizationRequest, authorization: Authorization, claims: Claims) -> Issue:
    return Issue(
        *(request.client, authorization.subject, authorization.scope, authorization.resource, authorization),
        claims=claims,
    )


def _access_token(issue: Issue, services: Services) -> tuple[Secret, dict[str, str]]:
    """The access token with its parameters of section 4.2.2, which are the members of section 5.1."""
    access_token, expires_in = issue_access_token(issue, services)
    members = TokenResponse(access_token, expires_in, issue.scope).members()
    return access_token, {name: str(value) for name, value in members.items()}
