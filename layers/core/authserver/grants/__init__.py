"""The grant types, one module each, and the rules that they share. Grants never import each other."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from authserver.ends import Begun
from authserver.errors import InvalidGrant, InvalidScope, InvalidTarget
from authserver.messages.token import TokenRequest, TokenResponse
from authserver.models.tokens import Authorization
from authserver.records import replace
from authserver.scopes import ACCESS_TOKEN, FOR_OFFLINE_ACCESS, ID_TOKEN, OF_A_USER, OFFLINE_ACCESS, USERINFO
from authserver.storage.tokens import AlreadyExists
from authserver.tokens import opaque
from authserver.tokens.access_token import NO_CLAIMS, Issue, authorization_details, issue_access_token, lifetime_of
from authserver.tokens.id_token import issue_id_token
from authserver.tokens.worth import worth
from authserver.values import (
    Scope,
    Secret,
    are_resources_within,
    base64url,
    from_base64url,
    is_resource_indicator,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authserver.messages.authorization import Allowed, ValidatedAuthorizationRequest
    from authserver.models.clients import Client
    from authserver.models.organisations import Membership
    from authserver.services import AuthenticatedClient, Services

NOTHING_TOLD: Mapping[str, Mapping[str, Any]] = MappingProxyType({ID_TOKEN: NO_CLAIMS, ACCESS_TOKEN: NO_CLAIMS})
MAX_RESOURCES_ASKED = 20  # in one request
MAX_NOT_GRANTED = 1024  # octets of an authorization


def parse_scope(text: str) -> Scope:
    """A requested scope. Raises `InvalidScope` on characters outside the grammar (RFC 6749 section 3.3)."""
    try:
        return Scope.parse(text)
    except ValueError:
        raise InvalidScope("scope is not well-formed", reason="scope_malformed") from None


def allowed_scope(client: Client, services: Services) -> Scope:
    """What the client may ask for: what it is registered for, and what needs no registration."""
    return client.scope | services.scopes().for_every_client


def known_resource(resource: tuple[str, ...], services: Services) -> tuple[str, ...]:
    """The requested resources, as the operator wrote them.

    Raises `InvalidTarget` on one that this server issues no tokens for (RFC 8707 section 2), and on too many.
    """
    asked = dict.fromkeys(resource)
    if len(asked) > MAX_RESOURCES_ASKED:
        raise InvalidTarget(
            f"At most {MAX_RESOURCES_ASKED} resources can be asked for at once", reason="resources_too_many"
        )
    return tuple(dict.fromkeys(_known(indicator, services) for indicator in asked))


def _known(indicator: str, services: Services) -> str:
    if not is_resource_indicator(indicator):
        raise InvalidTarget("resource must be an absolute URI without a fragment", reason="resource_malformed")
    known = services.known_resource(indicator)
    if known is None:
        raise InvalidTarget("resource is not known to this server", reason="resource_unknown")
    return known


def narrowed(requested: tuple[str, ...], granted: tuple[str, ...], services: Services) -> tuple[str, ...]:
    """The audience of a token: the requested resources, which must be within those that were granted (RFC 8707 section
    2.2).

    Raises `InvalidTarget` if a requested resource was not granted, or if none of the granted resources exists any more.
    """
    resource = known_resource(requested, services)
    if not are_resources_within(resource, granted):
        raise InvalidTarget("resource is not among those that were granted", reason="resource_not_granted")
    audience = resource or services.present_audience(granted)
    if granted and not audience:
        raise InvalidTarget("resource is not known to this server any more", reason="resource_removed")
    return audience


def find_own(client: AuthenticatedClient) -> Authorization:
    """The authorization of a code or refresh token, which was read together with its ends and its client.

    Raises `InvalidGrant` if there is none, if it belongs to another client, or if something has ended it.
    """
    authorization = client.standing.authorization
    if authorization is None:
        raise InvalidGrant("The grant is invalid", reason="authorization_unknown")
    if authorization.client_id != client.client_id:
        raise InvalidGrant("The grant is invalid", reason="authorization_of_another_client")
    if not client.standing.stands(authorization):
        raise InvalidGrant("The grant was revoked", reason="ended")
    return authorization


def scope_now(authorization: Authorization, client: AuthenticatedClient, services: Services) -> Scope:
    """The part of the granted scope that may be granted now.

    Raises `InvalidGrant` if that is empty. Nothing is written then, so that an operator can undo a mistake.
    """
    left = worth(authorization.scope, authorization, client.standing.ends, services.scopes)
    if authorization.scope and not left:
        raise InvalidGrant("Nothing of what was granted may be granted any more", reason="scope_withdrawn")
    return left


def may_refresh(client: Client, scope: Scope, services: Services) -> bool:
    """Whether this client gets a refresh token for this scope: the client has the grant type, and either
    `RefreshTokens` is `Always` or the scope contains `offline_access` (OpenID Connect Core section 11)."""
    is_wanted = services.settings.refresh_tokens == "Always" or OFFLINE_ACCESS in scope
    return is_wanted and _has_refresh_tokens(client, services)


def offline_or_not(scope: Scope, client: Client, services: Services) -> Scope:
    """The requested scope, without `offline_access` if the client has no refresh tokens, in which case it is ignored
    (OpenID Connect Core section 11)."""
    return scope if _has_refresh_tokens(client, services) else scope - FOR_OFFLINE_ACCESS


def _has_refresh_tokens(client: Client, services: Services) -> bool:
    """Whether the client registered the refresh token grant, and the deployment has loaded it."""
    return "refresh_token" in client.grant_types and "refresh_token" in services.settings.grant_types


def ends_of(client: Client, scope: Scope, now: int, services: Services) -> tuple[int, int]:
    """When an authorization of this scope ends, in epoch seconds: if it is not refreshed, and at the latest."""
    if not may_refresh(client, scope, services):
        end = now + lifetime_of(client, services)
        return end, end
    settings = services.settings
    end = now + min(client.refresh_token_lifetime or settings.refresh_token_lifetime, settings.refresh_token_lifetime)
    return min(now + settings.refresh_token_idle_lifetime, end), end


def as_redeemed(authorization: Authorization, client: Client, services: Services) -> Authorization:
    """An authorization as redeeming it will leave it."""
    now = services.now()
    idle_expires_at, expires_at = ends_of(client, authorization.scope, now, services)
    return replace(authorization, generation=1, rotated_at=now, idle_expires_at=idle_expires_at, expires_at=expires_at)


def new_authorization(
    request: ValidatedAuthorizationRequest, allowed: Allowed, services: Services, **fields: Any
) -> Authorization:
    """The authorization that a user's consent creates, with the `fields` that its grant type adds."""
    choice, session = allowed.choice, allowed.session
    return Authorization(
        id=base64url(opaque.authorization_id(allowed.random, session.subject, choice.organisation)),
        client_id=request.client.client_id,
        subject=session.subject,
        scope=request.scope - choice.declined,
        not_granted=noted(request.ignored | choice.declined, services),
        resource=request.resource or services.settings.known_resources[:1],
        salt=allowed.salt,
        created_at=services.now(),
        auth_time=session.auth_time,
        by=session.by,
        sid=session.sid_for(request.client.client_id),
        nonce=request.nonce,
        organisation=choice.organisation,
        entities=choice.entities,
        by_administrator=choice.by_administrator,
        details_requested=request.details is not None,
        id_token_claims=request.id_token_claims,
        is_public=request.client.is_public,
        begun=session.begun.joined_with(choice.under).joined_with(Begun(client=request.client.epoch)),
        sessions=session.sessions,
        **fields,
    )


def noted(not_granted: Scope, services: Services) -> Scope:
    """The scope names that were requested and not granted, as far as there is room to store them; names of the
    catalogue come first. A refresh that asks for a name that is not stored is answered as if it had not been requested
    before."""
    catalogue, room, told = services.scopes(), MAX_NOT_GRANTED, []
    for name in sorted(not_granted, key=lambda name: catalogue.get(name) is None):
        room -= len(name) + 1
        if room < 0:
            break
        told.append(name)
    return Scope(tuple(told))


def begin_active(authorization: Authorization, services: Services, session: str = "") -> bool:
    """The one conditional write that licenses the tokens of a grant without a code. False if another invocation made it
    before.

    If a `session` decided the grant, the write requires that it still exists; raises `SessionOver` otherwise.

    The authorization begins as redeemed by the claim of this invocation, by which the retry of a write whose answer was
    lost is distinguished from another request.
    """
    try:
        services.tokens.create(authorization, session)
    except AlreadyExists as conflict:
        return conflict.existing is not None and conflict.existing.redeemed_by == authorization.redeemed_by
    return True


def make_refresh_token(authorization: Authorization, generation: int, key: bytes) -> Secret:
    """Refresh token number `generation` of an authorization; the same whenever it is made with the same key."""
    identifier = from_base64url(authorization.id)
    return Secret(
        opaque.seal(
            opaque.REFRESH_TOKEN,
            key,
            authorization_id=identifier,
            generation=generation.to_bytes(4, "big"),
            secret=opaque.derived_secret("refresh", key, identifier, generation, authorization.salt),
        )
    )


type Claims = Mapping[str, Any]
type Told = Mapping[str, Claims]  # the claims, by the place where they are


def told_of(
    client: Client,
    authorization: Authorization,
    scope: Scope,
    services: Services,
    membership: Membership | None = None,
    *,
    is_all_there_is: bool = False,
) -> Told:
    """The user's claims for the ID token and the access token. The user is read only if one of them contains any.

    `membership` is the user's in the organisation that the tokens are for. `is_all_there_is`: the client gets no access
    token to call userinfo with, so its ID token contains all claims (OpenID Connect Core section 5.4). Raises
    `InvalidGrant` if the user does not exist any more.
    """
    own = services.scopes().claims_told(scope)
    by_name = authorization.id_token_claims
    is_whole = is_all_there_is or client.has_claims_in_id_token
    asks = bool(by_name) or (is_whole and any(name in scope for name in OF_A_USER))
    if not ("openid" in scope and asks) and not any(place != USERINFO for one in own for place in one.places):
        return NOTHING_TOLD
    from authserver.identity.claims import in_force, own_claims, standard_claims  # most tokens tell nothing of a user

    user = services.users.told(authorization.subject)
    if user is None:
        raise InvalidGrant("The grant was revoked", reason="user_unknown")
    user = in_force(user, own, services)
    standard = standard_claims(user, scope)
    at_userinfo = own_claims(user, own, USERINFO, membership) | standard
    named = {name: value for name, value in at_userinfo.items() if name in by_name}
    in_id_token = own_claims(user, own, ID_TOKEN, membership) | (standard if is_whole else {}) | named
    return {ID_TOKEN: in_id_token, ACCESS_TOKEN: own_claims(user, own, ACCESS_TOKEN, membership)}


def added_by_hook(
    trigger: str, issue: Issue, told: Told, services: Services, membership: Membership | None = None
) -> Told:
    """The claims that the operator's own function adds to those that are `told`, by place; empty if there is no such
    function.

    `trigger` is the grant type. The function may refuse instead (`identity.token_hook.added_claims`).
    """
    hook, client, authorization = services.token_hook, issue.client, issue.authorization
    if hook is None or not client.is_hooked:
        return NOTHING_TOLD
    from authserver.identity.token_hook import Occasion, added_claims  # off unless the operator has such a function

    occasion = Occasion(
        trigger,
        client.client_id,
        client.client_name,
        issue.subject if authorization else None,
        issue.scope,
        issue.audience,
        authorization.id if authorization else None,
        authorization.organisation if authorization else "",
        membership,
    )
    return {**NOTHING_TOLD, **added_claims(hook, occasion, told, services)}


def first_tokens(
    request: TokenRequest, client: AuthenticatedClient, authorization: Authorization, services: Services
) -> tuple[Authorization, TokenResponse]:
    """The authorization as it is after its code is redeemed, and its first tokens. The caller makes that write.

    Raises `InvalidGrant`, `InvalidTarget`.
    """
    scope = scope_now(authorization, client, services)
    audience = narrowed(request.resource, authorization.resource, services)
    active = as_redeemed(authorization, client.client, services)
    has_refresh = may_refresh(client.client, active.scope, services)
    key = client.named.credential.key
    refresh = make_refresh_token(active, active.generation, key) if has_refresh else None
    response = respond(
        request.grant_type,
        client.client,
        active,
        scope=scope,
        audience=audience,
        refresh=refresh,
        services=services,
        membership=client.standing.ends.membership,
    )
    return active, response


def respond(
    grant_type: str,
    client: Client,
    authorization: Authorization,
    *,
    scope: Scope,
    audience: tuple[str, ...],
    refresh: Secret | None,
    services: Services,
    membership: Membership | None = None,
) -> TokenResponse:
    """The tokens of an authorization. They are made before the write that licenses them, and released only if it
    succeeds.

    If the keys are out of reach, nothing has been spent, and the client can try again. `membership` is the user's in
    the organisation that the authorization is for.
    """
    services.told["subject"] = authorization.subject
    told = told_of(client, authorization, scope, services, membership)
    issue = Issue(client, authorization.subject, scope, audience, authorization, claims=told[ACCESS_TOKEN])
    has_id_token = "openid" in scope
    places = (ID_TOKEN, ACCESS_TOKEN) if has_id_token else (ACCESS_TOKEN,)
    added = added_by_hook(grant_type, issue, {place: told[place] for place in places}, services, membership)
    access_token, expires_in = issue_access_token(replace(issue, added=added[ACCESS_TOKEN]), services)
    id_token = None
    if has_id_token:
        id_token = issue_id_token(client, authorization, access_token, services, told[ID_TOKEN], added[ID_TOKEN])
    details = authorization_details(authorization.organisation, authorization.entities)
    return TokenResponse(
        access_token, expires_in, scope, refresh, id_token, tuple(details) if authorization.details_requested else ()
    )


def revoke_for(authorization: Authorization, reason: str, now: int, services: Services) -> None:
    """Revokes an authorization because another party may have what was issued for it (RFC 9700 section 4.14.2)."""
    from authserver.identity.audit import by_itself  # seldom needed

    noting = by_itself(
        services,
        "authorization.revoked",
        "authorization",
        object_id=authorization.id,
        client=authorization.client_id,
        organisation=authorization.organisation,
        reason=reason,
    )
    noting.revocations.revoke(authorization.id, now, reason=reason)
