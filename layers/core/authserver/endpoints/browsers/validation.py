"""The rules of an authorization request: RFC 6749 sections 4.1.1 and 4.2.1, RFC 7636 section 4.3, and those of
OpenID Connect Core sections 3.1.2 and 3.2.2."""

from typing import Any

from authserver.errors import (
    InvalidAuthorizationDetails,
    InvalidRequest,
    InvalidScope,
    LoginRequired,
    RegistrationNotSupported,
    RequestNotSupported,
    RequestUriNotSupported,
    UnauthorizedClient,
    UnmetAuthenticationRequirements,
    UnsupportedGrantType,
    UnsupportedResponseType,
)
from authserver.grants import allowed_scope, known_resource, offline_or_not
from authserver.messages.authorization import (
    AuthorizationDetails,
    AuthorizationRequest,
    RedirectTarget,
    ValidatedAuthorizationRequest,
)
from authserver.models.clients import DEVICE_CODE, Client
from authserver.models.tokens import ACR_OF
from authserver.records import dataclass
from authserver.scopes import FOR_OFFLINE_ACCESS, OPERATOR, covered
from authserver.services import Services
from authserver.tokens.access_token import DETAILS_TYPE
from authserver.values import CodeChallenge, Scope, read_json

from .redirection import response_modes

PROMPTS = frozenset({"none", "login", "consent", "select_account"})
# What means something here; a request may carry more, which is ignored (RFC 6749 section 3.1).
PARAMETERS = frozenset(
    {
        "authorization_details",
        "claims",
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "id_token_hint",
        "login_hint",
        "max_age",
        "nonce",
        "prompt",
        "redirect_uri",
        "registration",
        "request",
        "request_uri",
        "resource",
        "response_mode",
        "response_type",
        "scope",
        "state",
        "ui_locales",
    }
)
# Of a device's request (RFC 8628 section 3.1): it has no redirect URI to protect, and no user at a browser yet.
OF_A_DEVICE = ""  # in place of a response type
DEVICE_PARAMETERS = frozenset({"authorization_details", "client_id", "login_hint", "max_age", "scope", "ui_locales"})
# An ID token has the nonce in it, and comes back in an address, as `id_token_hint`.
MAX_NONCE = 2048
# What only helps is left aside where it is longer, in octets: a request is never refused for it, and it may go on to an
# identity provider, in an address of ours.
HINTS = frozenset({"login_hint", "ui_locales"})
MAX_HINT = 1024
MAX_CLAIMS = 4096
MAX_ENTITIES = 100


def validate(
    request: AuthorizationRequest,
    client: Client,
    redirect: RedirectTarget | None,
    services: Services,
    *,
    device: str = "",
) -> ValidatedAuthorizationRequest:
    """The request, once it obeys every rule. Raises `OAuthError`, to be told the client by redirect.

    Without a `redirect` it is that of a device, which has `DEVICE_PARAMETERS` and no others.
    """
    _require_each_once(request)
    _refuse_request_objects(request)
    if redirect is None:
        _require_device_grant(client, services)
        response_type = OF_A_DEVICE
    else:
        response_type = _response_type(request, client, services)
        _require_response_mode(request, redirect)
    _require_bounded_nonce(request)
    claims = _claims(request)
    requested, within = _scope(request, response_type, client, services)
    scope = _with_scope_of(claims, within, client, services)
    max_age = _max_age(request, client)
    _require_openid_and_nonce(response_type, scope, request)
    return ValidatedAuthorizationRequest(
        client=client,
        redirect=redirect,
        response_type=response_type,
        redirect_uri_sent=request.parameters.get("redirect_uri"),
        scope=scope,
        resource=known_resource(request.resource, services),
        code_challenge=_code_challenge(request, client) if response_type == "code" else None,
        nonce=request.parameters.get("nonce"),
        prompt=_prompt(request),
        max_age=0 if redirect is None and _is_for_operators(scope, services) else max_age,
        subject_hint=_subject_wanted(claims, _subject_hint(request, client, services)),
        details=_authorization_details(request, client),
        ignored=requested - scope,
        device=device,
        id_token_claims=_known_claims(claims.id_token, scope, services),
        acr=_reachable(claims.acr, scope, services),
    )


def what_counts(request: AuthorizationRequest) -> dict[str, str]:
    """The parameters that mean something here, without hints that are too long to be any."""
    return {
        name: value
        for name, value in request.parameters.items()
        if name in PARAMETERS and (name not in HINTS or len(value.encode()) <= MAX_HINT)
    }


def _require_each_once(request: AuthorizationRequest) -> None:
    if request.repeated:
        raise InvalidRequest("A parameter is repeated", reason="parameter_repeated")


def _refuse_request_objects(request: AuthorizationRequest) -> None:
    """OpenID Connect Core section 3.1.2.6: what is not supported has its own error codes."""
    if "request" in request.parameters:
        raise RequestNotSupported("Request objects are not supported", reason="request_object")
    if "request_uri" in request.parameters:
        raise RequestUriNotSupported("request_uri is not supported", reason="request_uri")
    if "registration" in request.parameters:
        raise RegistrationNotSupported("The registration parameter is not supported", reason="registration")


def _response_type(request: AuthorizationRequest, client: Client, services: Services) -> str:
    """The response type, its words in the order of the registry: theirs means nothing (RFC 6749 section 3.1.1)."""
    asked = request.parameters.get("response_type")
    if asked is None:
        raise InvalidRequest("response_type is missing", reason="response_type_missing")
    response_type = _in_order(asked)
    grant = services.response_types.get(response_type)
    if grant is None:
        raise UnsupportedResponseType("response_type is not supported", reason="response_type_unsupported")
    registered = {_in_order(one) for one in client.response_types}
    if response_type not in registered or grant.GRANT_TYPE not in client.grant_types:
        raise UnauthorizedClient("This client may not use this response_type", reason="response_type_not_allowed")
    return response_type


def _require_device_grant(client: Client, services: Services) -> None:
    if DEVICE_CODE not in services.grants:
        raise UnsupportedGrantType("Devices cannot be authorized here", reason="grant_type_unsupported")
    if DEVICE_CODE not in client.grant_types:
        raise UnauthorizedClient("This client may not use this grant_type", reason="grant_type_not_allowed")


def _in_order(response_type: str) -> str:
    """A response type with its words in alphabetical order, as IANA registered them."""
    return " ".join(sorted(response_type.split(" ")))


def _require_response_mode(request: AuthorizationRequest, redirect: RedirectTarget) -> None:
    mode = request.parameters.get("response_mode", redirect.response_mode)
    if mode not in response_modes(request) or mode != redirect.response_mode:
        raise InvalidRequest("response_mode is not supported", reason="response_mode_unsupported")


def _require_openid_and_nonce(response_type: str, scope: Scope, request: AuthorizationRequest) -> None:
    """An ID token through the browser is bound to its request by a nonce (OpenID Connect Core section 3.2.2.1)."""
    if "id_token" not in response_type.split(" "):
        return
    if "openid" not in scope:
        raise InvalidRequest("response_type id_token needs the scope openid", reason="openid_missing")
    if "nonce" not in request.parameters:
        raise InvalidRequest("nonce is missing", reason="nonce_missing")


def _require_bounded_nonce(request: AuthorizationRequest) -> None:
    if len(request.parameters.get("nonce", "")) > MAX_NONCE:
        raise InvalidRequest(f"nonce must have at most {MAX_NONCE} characters", reason="nonce_too_long")


def _scope(
    request: AuthorizationRequest, response_type: str, client: Client, services: Services
) -> tuple[Scope, Scope]:
    """What is asked for, and what of it is registered; the answer tells what is left.

    Scope values that are not understood are ignored (OpenID Connect Core section 3.1.2.1), unless none remains; and
    `offline_access` where no refresh token can come of it (section 11).
    """
    try:
        requested = Scope.parse(request.parameters.get("scope", ""))
    except ValueError:
        raise InvalidScope("scope is not well-formed", reason="scope_malformed") from None
    wanted = _without_idle_offline_access(requested, response_type, client, services)
    if not wanted:
        wanted = _without_idle_offline_access(client.scope_when_unspecified, response_type, client, services)
    granted = covered(wanted, allowed_scope(client, services), services.scopes)
    if wanted and not granted:
        raise InvalidScope("scope has nothing that this client may ask for", reason="scope_exceeds_client")
    return requested, granted


def _without_idle_offline_access(scope: Scope, response_type: str, client: Client, services: Services) -> Scope:
    may_refresh = response_type in ("code", OF_A_DEVICE)
    return offline_or_not(scope, client, services) if may_refresh else scope - FOR_OFFLINE_ACCESS


@dataclass(frozen=True, slots=True)
class RequestedClaims:
    """The claims that a request asks for by name: OpenID Connect Core section 5.5. `subject` is the one user that it is
    for, if it names one; `acr` are the values one of which its sign-in must have, if it says so."""

    id_token: frozenset[str] = frozenset()
    userinfo: frozenset[str] = frozenset()
    subject: str | None = None
    acr: frozenset[str] = frozenset()


def _claims(request: AuthorizationRequest) -> RequestedClaims:
    """What ``claims`` asks for; members and claims that are not understood are ignored.

    ``essential`` means something of ``acr`` alone: of the others, the server returns what it has. And of ``value``,
    that of ``sub`` and of such an ``acr``.
    """
    text = request.parameters.get("claims")
    if text is None:
        return RequestedClaims()
    if len(text) > MAX_CLAIMS:
        raise InvalidRequest("claims is too long", reason="claims_too_long")
    try:
        document = read_json(text)
        id_token, userinfo = (_read_claims(document.get(member)) for member in ("id_token", "userinfo"))
        subjects = {asked["sub"]["value"] for asked in (id_token, userinfo) if "value" in asked.get("sub", {})}
        (subject,) = subjects or {None}
        acr = _required_acr(id_token.get("acr", {}))
    except (AttributeError, RecursionError, TypeError, ValueError):
        raise InvalidRequest("claims is not well-formed", reason="claims_malformed") from None
    if not isinstance(subject, str | None):
        raise InvalidRequest("claims is not well-formed", reason="claims_malformed")
    return RequestedClaims(frozenset(id_token), frozenset(userinfo), subject, acr)


def _read_claims(member: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """The claims of a member, with what is said of each. Raises `ValueError` and the like on what says nothing."""
    return {name: dict(said) if said is not None else {} for name, said in (member or {}).items()}


def _required_acr(said: dict[str, Any]) -> frozenset[str]:
    """The values one of which ``acr`` must have: those of an essential one (section 5.5.1.1). Raises `ValueError`."""
    essential, values = said.get("essential", False), said.get("values", [])
    if "value" in said:
        values = [*values, said["value"]]
    if (
        not isinstance(essential, bool)
        or not isinstance(values, list)
        or not all(isinstance(one, str) for one in values)
    ):
        raise ValueError("not what may be said of acr")
    return frozenset(values) if essential else frozenset()


def _reachable(acr: frozenset[str], scope: Scope, services: Services) -> frozenset[str]:
    """The required values that a sign-in here can have.

    Raises `UnmetAuthenticationRequirements` if it can have none, since such a sign-in would be a failed one (OpenID
    Connect Core section 5.5.1.1).
    """
    if not acr or "openid" not in scope:
        return frozenset()
    from authserver.identity.passkeys import offers_passkeys

    reachable = acr & frozenset(ACR_OF.values() if offers_passkeys(services) else ())
    if not reachable:
        raise UnmetAuthenticationRequirements("No sign-in of this server satisfies acr", reason="acr_unreachable")
    return reachable


def _with_scope_of(claims: RequestedClaims, scope: Scope, client: Client, services: Services) -> Scope:
    """The scope, with those that tell the claims that are asked for by name, within what is registered.

    So the user is asked for them in the words of a scope, and whatever was granted is written in one place.
    """
    names = claims.id_token | claims.userinfo
    if not names or "openid" not in scope:
        return scope
    from authserver.identity.claims import scope_of_claims

    needed = Scope(scope_of_claims(names, services.scopes()))
    return scope | covered(needed, client.scope, services.scopes)


def _known_claims(names: frozenset[str], scope: Scope, services: Services) -> frozenset[str]:
    """The claims among these that the scope contains."""
    if not names or "openid" not in scope:
        return frozenset()
    from authserver.identity.claims import scope_of_claims

    catalogue = services.scopes()
    return frozenset(name for name in names if set(scope_of_claims(frozenset({name}), catalogue)) & set(scope))


def _subject_wanted(claims: RequestedClaims, hint: str | None) -> str | None:
    """The one user that the request is for: by an ID token, or by the value of ``sub`` (section 5.5.1)."""
    if claims.subject is not None and hint is not None and claims.subject != hint:
        raise InvalidRequest("claims and id_token_hint name different users", reason="claims_subject")
    return hint if claims.subject is None else claims.subject


def _authorization_details(request: AuthorizationRequest, client: Client) -> AuthorizationDetails | None:
    """One object of our one type (RFC 9396 section 5), for a client that acts for organisations or companies."""
    text = request.parameters.get("authorization_details")
    if text is None:
        return None
    if client.preferred_subject_type == "user":
        raise InvalidAuthorizationDetails("This client acts for users alone", reason="details_not_allowed")
    try:
        ((kind, identifier, entities),) = [_read_details(one) for one in read_json(text)]
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        raise InvalidAuthorizationDetails(
            "authorization_details must be an array of one object of a known type", reason="details_malformed"
        ) from None
    if kind != DETAILS_TYPE:
        raise InvalidAuthorizationDetails("The type of authorization_details is not known", reason="details_type")
    return AuthorizationDetails(identifier, entities)


def _read_details(details: dict[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    """Type, organisation and companies. Raises `ValueError` and the like on fields that there are not."""
    if not details.keys() <= {"type", "identifier", "entities"}:
        raise ValueError("unknown field")
    identifier, entities = details.get("identifier", ""), details.get("entities", [])
    if not isinstance(identifier, str) or not isinstance(entities, list) or len(entities) > MAX_ENTITIES:
        raise ValueError("wrong type")
    if not all(isinstance(one, str) for one in entities) or (entities and not identifier):
        raise ValueError("companies of no organisation")
    return str(details["type"]), identifier, tuple(entities)


def _code_challenge(request: AuthorizationRequest, client: Client) -> CodeChallenge | None:
    """S256 alone; an absent method means plain (RFC 7636 section 4.3) and is refused with it.

    A public client has to send one, whatever else an operator said of it (RFC 9700 section 2.1.1), unless the operator
    also said that it is as old as those which put their parameters in the address.
    """
    challenge = request.parameters.get("code_challenge")
    method = request.parameters.get("code_challenge_method")
    if challenge is None:
        if client.require_pkce or (client.is_public and not client.parameters_in_query) or method is not None:
            raise InvalidRequest("code_challenge is missing", reason="code_challenge_missing")
        return None
    if method != "S256":
        raise InvalidRequest("code_challenge_method must be S256", reason="code_challenge_method")
    try:
        return CodeChallenge.parse(challenge)
    except ValueError:
        raise InvalidRequest("code_challenge is not well-formed", reason="code_challenge_malformed") from None


def _prompt(request: AuthorizationRequest) -> frozenset[str]:
    prompt = frozenset(request.parameters.get("prompt", "").split())
    if not prompt <= PROMPTS or ("none" in prompt and len(prompt) > 1):
        raise InvalidRequest("prompt is not supported", reason="prompt_unsupported")
    return prompt


def _is_for_operators(scope: Scope, services: Services) -> bool:
    """Whether only an operator can grant it. A person who gives it to a device has to sign in for that: nothing else
    tells a person who wants it from one who was sent a code (RFC 8628 section 5.4)."""
    return OPERATOR in services.scopes().grantable_by(scope)


def _max_age(request: AuthorizationRequest, client: Client) -> int | None:
    text = request.parameters.get("max_age")
    if text is None:
        return client.default_max_age
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidRequest("max_age is not a number of seconds", reason="max_age_malformed")
    return int(text)


def _subject_hint(request: AuthorizationRequest, client: Client, services: Services) -> str | None:
    """The user that an ID token of ours names; it may have expired (OpenID Connect Core section 3.1.2.1)."""
    hint = request.parameters.get("id_token_hint")
    if hint is None:
        return None
    from authserver.tokens.jwt import NotAToken, verify

    try:
        claims = verify(hint, "JWT", services.settings.issuer, services.keys.verification_key)
    except NotAToken as error:
        if error.reason == "unknown_kid":
            # Signed by a key that has been dropped since: as good as no hint, unless the request must not show a page.
            if "none" in _prompt(request):
                raise LoginRequired("The hinted user is not known", reason="id_token_hint_old") from None
            return None
        raise InvalidRequest(
            "id_token_hint is not an ID token of this server", reason=f"id_token_hint_{error.reason}"
        ) from None
    if claims.get("aud") != client.client_id:
        raise LoginRequired("id_token_hint was issued to another client", reason="id_token_hint_audience")
    return str(claims["sub"])
