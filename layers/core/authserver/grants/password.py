"""The resource owner password credentials grant: RFC 6749 section 4.3. Off unless the operator turns it on.

It shows the user's password to the client, which RFC 9700 section 2.4 forbids; the code grant with PKCE, or client
credentials where there is no user, are the replacements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authserver.ends import Begun
from authserver.errors import InvalidGrant, InvalidScope, ServerError, TooManyAttempts, TooManyPasswords
from authserver.grants import (
    allowed_scope,
    begin_active,
    ends_of,
    known_resource,
    make_refresh_token,
    may_refresh,
    noted,
    offline_or_not,
    parse_scope,
    respond,
)
from authserver.identity.local_account import Account, authenticate
from authserver.models.tokens import BY_PASSWORD, Authorization
from authserver.scopes import covered
from authserver.services import AuthenticatedClient, Named, Services
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.values import Scope, Secret, base64url

if TYPE_CHECKING:
    from authserver.messages.token import TokenRequest, TokenResponse
    from authserver.models.clients import Client

GRANT_TYPE: str = "password"
PARAMETERS: tuple[str, ...] = ("username", "password")


def named(request: TokenRequest, services: Services) -> Named:  # noqa: ARG001 - the shape of a grant type
    """Nothing: only the store knows which user has this name."""
    return Named()


def issue(request: TokenRequest, client: AuthenticatedClient, services: Services) -> TokenResponse:
    """Tokens for a user's password (section 4.3.2), made before the write that licenses them."""
    requested = offline_or_not(parse_scope(request.parameters.get("scope", "")), client.client, services)
    scope = _grantable_scope(requested, client.client, services)
    audience = known_resource(request.resource, services) or services.settings.known_resources[:1]
    account = _authenticate(request, services)
    ignored = noted(requested - scope, services)
    authorization = _authorization(client.client, account, scope, ignored, audience, services)
    refresh = None
    if may_refresh(client.client, scope, services):
        refresh = make_refresh_token(authorization, authorization.generation, services.keys.token_key(TOKEN_RING))
    response = respond(
        request.grant_type,
        client.client,
        authorization,
        scope=scope,
        audience=audience,
        refresh=refresh,
        services=services,
    )
    if not begin_active(authorization, services):
        raise ServerError("The request could not be completed", reason="identifier_collision")
    return response


def _grantable_scope(requested: Scope, client: Client, services: Services) -> Scope:
    """The part of the requested scope, or of the client's default scope if the request has none, that any user may
    grant (section 3.3). No consent page is shown, so scopes that an administrator has to allow are left out.

    The rest is ignored, as in an authorization request. Raises `InvalidScope` if nothing is left.
    """
    wanted = requested or offline_or_not(client.scope_when_unspecified, client, services)
    registered = covered(wanted, allowed_scope(client, services), services.scopes)
    scope = Scope.of(name for name in registered if not services.scopes().words_for(name))
    if wanted and not scope:
        raise InvalidScope("scope has nothing that a password alone can grant", reason="scope_not_for_anyone")
    return scope


def _authenticate(request: TokenRequest, services: Services) -> Account:
    """The user's account. Raises `InvalidGrant`, the same for an unknown name and a wrong password, and
    `TooManyPasswords`.

    A user with a second factor is refused as well, because this grant has no step that could ask for it.
    """
    try:
        account = authenticate(
            request.parameters["username"], Secret(request.parameters["password"]), request.source, services
        )
    except TooManyAttempts as error:
        raise TooManyPasswords(error.retry_after) from None
    if account is None:
        raise InvalidGrant("The username or password is not correct", reason="password_wrong")
    if account.asks_for_code:
        raise InvalidGrant("The username or password is not correct", reason="second_factor_owed")
    return account


def _authorization(
    client: Client, account: Account, scope: Scope, ignored: Scope, audience: tuple[str, ...], services: Services
) -> Authorization:
    """The authorization of the tokens. It has no code that could be redeemed.

    It begins under the epochs from before the user's record was read, so a password that is changed meanwhile ends it.
    """
    now, user = services.now(), account.user
    grant = account.ends.subject.grant(base64url(opaque.key_of(client.client_id)))
    idle_expires_at, expires_at = ends_of(client, scope, now, services)
    return Authorization(
        id=base64url(opaque.authorization_id(services.random(16), user.sub)),
        client_id=client.client_id,
        subject=user.sub,
        scope=scope,
        not_granted=ignored,
        resource=audience,
        salt=services.random(16),
        created_at=now,
        expires_at=expires_at,
        auth_time=now,
        by=BY_PASSWORD,
        code_hash=b"",  # the hash of nothing
        code_expires_at=now,
        redeemed_by=base64url(services.random(16)),
        generation=1,
        rotated_at=now,
        idle_expires_at=idle_expires_at,
        is_public=client.is_public,
        begun=account.begun.joined_with(Begun(client=client.epoch, grant=grant)),
    )
