"""Signing in through an OpenID Provider, of which this server is a client: OpenID Connect Core section 3.1.

The authorization code flow with state, nonce and PKCE (S256), whatever the provider says it supports.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import field
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from authserver.identity.claims import FIELDS, SCOPE_OF, claims_of_provider, exceeded, fitting
from authserver.identity.providers import domain_of
from authserver.models.browsers import Federation
from authserver.models.configuration import ANY_DOMAIN, IdentityProvider
from authserver.models.users import Attribute
from authserver.ports import Fetcher, FetchFailed
from authserver.records import dataclass
from authserver.tokens.foreign import UnknownKey
from authserver.tokens.jwt import NotAToken
from authserver.tokens.upstream import CLOCK_TOLERANCE, TENANT, Expected, auth_time_of, verify_id_token
from authserver.values import Secret, base64url, is_mail_address

WELL_KNOWN = "/.well-known/openid-configuration"
METADATA_AGE = 3600
KEYS_AGE = 3600
UNKNOWN_KEY_COOLDOWN = 60
MAX_CODE = 4096
INVALID_GRANT = "invalid_grant"  # RFC 6749 section 5.2
LENGTHS = {"name": 256, "email": 254, "preferred_username": 256}


class SignInFailed(Exception):
    """The sign-in failed; `reason` is a tag for logs."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What we need of OpenID Connect Discovery section 3. `issuer` may be a template (`tokens.upstream.TENANT`)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    says_issuer: bool = False  # RFC 9207 section 3


@dataclass(frozen=True, slots=True)
class ProviderTokens:
    """OpenID Connect Core section 3.1.3.3."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """The person that a provider has authenticated, known by `issuer` and `subject` together and by nothing else
    (section 5.7)."""

    issuer: str
    subject: str
    name: str = ""
    email: str = ""
    email_verified: bool = False
    preferred_username: str = ""
    auth_time: int | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


# ------------------------------------------------------------------ the provider


def discover(provider: IdentityProvider, fetch: Fetcher) -> ProviderMetadata:
    """What the provider says of itself (OpenID Connect Discovery section 4). Raises `SignInFailed`."""
    document = _get(fetch, provider.issuer.rstrip("/") + WELL_KNOWN, METADATA_AGE, "discovery")
    metadata = ProviderMetadata(
        issuer=_text(document, "issuer"),
        authorization_endpoint=_text(document, "authorization_endpoint"),
        token_endpoint=_text(document, "token_endpoint"),
        jwks_uri=_text(document, "jwks_uri"),
        userinfo_endpoint=_text(document, "userinfo_endpoint"),
        says_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )
    _require_own_issuer(metadata, provider)
    endpoints = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
    optional = (metadata.userinfo_endpoint,) if metadata.userinfo_endpoint else ()
    if not all(map(fetch.permits, endpoints + optional)):
        raise SignInFailed("discovery_endpoints")
    return metadata


def is_multi_tenant(metadata: ProviderMetadata) -> bool:
    """Whether users of every tenant may sign in: the provider's metadata has a template for an issuer."""
    return TENANT in metadata.issuer


def _require_own_issuer(metadata: ProviderMetadata, provider: IdentityProvider) -> None:
    """Discovery section 4.3: the issuer is the one that was asked, exactly.

    Microsoft Entra's multi-tenant metadata has a template for its issuer, which leads to the address that was asked
    with a word for the tenant (``common``, ``organizations``): one segment of a path at the same place.
    """
    if metadata.issuer == provider.issuer:
        return
    before, template, after = metadata.issuer.partition(TENANT)
    tenant = provider.issuer.removeprefix(before).removesuffix(after)
    is_segment = before.endswith("/") and bool(urlsplit(before).netloc) and tenant.isalpha()
    if not template or not is_segment or provider.issuer != before + tenant + after:
        raise SignInFailed("discovery_issuer")


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name, "")
    return value if isinstance(value, str) else ""


# ------------------------------------------------------------------ the request


def authorization_url(
    provider: IdentityProvider,
    metadata: ProviderMetadata,
    federation: Federation,
    state: str,
    redirect_uri: str,
    **hints: str,
) -> str:
    """Where the browser goes: section 3.1.2.1, RFC 7636 section 4.3. `hints` that are empty are left out."""
    challenge = base64url(hashlib.sha256(federation.code_verifier.encode()).digest())
    parameters = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "scope": str(provider.scope),
        "state": state,
        "nonce": federation.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **{name: value for name, value in hints.items() if value},
    }
    endpoint = metadata.authorization_endpoint
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"


# ------------------------------------------------------------------ the answer


def require_issuer(presented: str | None, metadata: ProviderMetadata) -> None:
    """RFC 9207 section 2.4: the answer is the provider's own. Raises `SignInFailed`."""
    if presented is None and not metadata.says_issuer:
        return
    if presented != metadata.issuer:
        raise SignInFailed("issuer_mixed_up")


def redeem_code(
    provider: IdentityProvider,
    metadata: ProviderMetadata,
    federation: Federation,
    code: str,
    redirect_uri: str,
    client_secret: Secret,
    fetch: Fetcher,
) -> ProviderTokens:
    """The tokens for the code: section 3.1.3. Raises `SignInFailed`."""
    if len(code) > MAX_CODE:
        raise SignInFailed("code_too_long")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": federation.code_verifier,
    }
    credentials, headers = _client_authentication(provider, client_secret)
    try:
        answer = fetch.post(metadata.token_endpoint, form | credentials, headers)
    except FetchFailed as failure:
        # The code is what the browser brought: that it is none is nothing that the provider does wrong.
        raise SignInFailed("code_refused" if failure.error == INVALID_GRANT else f"token_{failure.reason}") from None
    id_token, access_token = _text(answer, "id_token"), _text(answer, "access_token")
    if not id_token:
        raise SignInFailed("token_without_id_token")
    return ProviderTokens(id_token, access_token)


def _client_authentication(provider: IdentityProvider, secret: Secret) -> tuple[dict[str, str], dict[str, str]]:
    """Members of the form and headers by which we authenticate: RFC 6749 section 2.3.1."""
    match provider.token_endpoint_auth_method:
        case "client_secret_basic":
            pair = f"{quote_plus(provider.client_id)}:{quote_plus(secret.reveal())}"
            return {}, {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        case "client_secret_post":
            return {"client_id": provider.client_id, "client_secret": secret.reveal()}, {}
        case _:
            return {"client_id": provider.client_id}, {}


def authenticate_person(
    provider: IdentityProvider,
    metadata: ProviderMetadata,
    federation: Federation,
    tokens: ProviderTokens,
    fetch: Fetcher,
    now: int,
) -> Person:
    """The person that the tokens identify, after everything in them has been checked. Raises `SignInFailed`."""
    expected = Expected(metadata.issuer, provider.client_id, federation.nonce, tokens.access_token)
    claims = _verified_claims(tokens.id_token, expected, metadata, fetch, now)
    auth_time = auth_time_of(claims, now)
    _require_new_sign_in(auth_time, federation)
    wanted = {**{ours: ours for ours in (*LENGTHS, "email_verified")}, **claims_of_provider(provider)}
    if any(theirs not in claims for ours, theirs in wanted.items() if _counts(ours, provider)):
        claims = _userinfo(metadata, tokens, claims["sub"], fetch) | claims
    return _person(provider, claims, auth_time)


def _verified_claims(
    id_token: str, expected: Expected, metadata: ProviderMetadata, fetch: Fetcher, now: int
) -> dict[str, Any]:
    """The verified claims, by the known keys, or if none fits, by the provider's present keys."""
    try:
        try:
            return verify_id_token(id_token, _keys(metadata, fetch, KEYS_AGE), expected, now)
        except UnknownKey:
            return verify_id_token(id_token, _keys(metadata, fetch, UNKNOWN_KEY_COOLDOWN), expected, now)
    except NotAToken as error:
        raise SignInFailed(f"id_token_{error.reason}") from None


def _require_new_sign_in(auth_time: int | None, federation: Federation) -> None:
    """Section 3.1.3.7, item 13: if the request asked for a new sign-in, by ``max_age``, the ID token must say that
    there was one."""
    if federation.signed_in_since is None:
        return
    if auth_time is None:
        raise SignInFailed("auth_time_missing")
    if auth_time < federation.signed_in_since - CLOCK_TOLERANCE:
        raise SignInFailed("auth_time_too_old")


def _keys(metadata: ProviderMetadata, fetch: Fetcher, age: int) -> list[Mapping[str, Any]]:
    keys = _get(fetch, metadata.jwks_uri, age, "jwks", filed=True).get("keys")
    if not isinstance(keys, list):
        raise SignInFailed("jwks_malformed")
    return [key for key in keys if isinstance(key, dict)]


def _userinfo(metadata: ProviderMetadata, tokens: ProviderTokens, subject: str, fetch: Fetcher) -> dict[str, Any]:
    """What the ID token leaves for userinfo to say (section 5.4), if it is of the same person (section 5.3.2).

    Nothing where the provider refuses to tell: the ID token says who it is, and what is missing counts as not told.
    """
    if not metadata.userinfo_endpoint or not tokens.access_token:
        return {}
    try:
        claims = fetch.get(metadata.userinfo_endpoint, bearer=tokens.access_token)
    except FetchFailed as failure:
        if failure.status in (401, 403):
            return {}
        raise SignInFailed(f"userinfo_{failure.reason}") from None
    if claims.get("sub") != subject:
        raise SignInFailed("userinfo_sub")
    return dict(claims)


def _get(fetch: Fetcher, url: str, age: int, what: str, *, filed: bool = False) -> Mapping[str, Any]:
    try:
        return fetch.get(url, younger_than=age, filed=filed)
    except FetchFailed as failure:
        raise SignInFailed(f"{what}_{failure.reason}") from None


# ------------------------------------------------------------------ the person


def _sources(provider: IdentityProvider) -> dict[str, str]:
    """The provider's claim for each of ours (section 5.1).

    First those that operators keep, so that nothing that people say of themselves takes their room.
    """
    mapped = claims_of_provider(provider)
    own = {name: theirs for name, theirs in mapped.items() if name not in SCOPE_OF}
    return own | {name: mapped.get(name, name) for name in SCOPE_OF if name != "updated_at"}


def _counts(ours: str, provider: IdentityProvider) -> bool:
    return ours != "email_verified" or bool(provider.trusts_email)


def _person(provider: IdentityProvider, claims: Mapping[str, Any], auth_time: int | None) -> Person:
    found = {ours: claims.get(theirs) for ours, theirs in _sources(provider).items()}
    texts = {name: _bounded(found[name], length) for name, length in LENGTHS.items()}
    # Some send it as text.
    said = found["email_verified"] is True or found["email_verified"] == "true"
    verified = said and _may_vouch_for(texts["email"], provider)
    return Person(
        *(claims["iss"], claims["sub"]),
        email_verified=verified,
        auth_time=auth_time,
        attributes=_attributes(found, provider),
        **texts,
    )


def _attributes(found: Mapping[str, Any], provider: IdentityProvider) -> dict[str, Attribute]:
    """The attributes that may be stored from these claims, besides those that are fields of a user. A claim that does
    not fit is left out.

    A telephone number has no domain, so only a provider that is trusted with every address may say that one is
    verified.
    """
    left_out = {*FIELDS}
    if provider.trusts_email != ANY_DOMAIN or provider.organisation:
        left_out.add("phone_number_verified")
    kept: dict[str, Attribute] = {}
    for name, value in found.items():
        fits = None if name in left_out else fitting(name, value)
        if fits is not None and not exceeded({**kept, name: fits}):
            kept[name] = fits
    return kept


def _may_vouch_for(address: str, provider: IdentityProvider) -> bool:
    """Whether the provider's statement about an address counts: in its own domains, or in all if operators trust it
    that far.

    An organisation's administrators change its provider, so that provider is never trusted with more than its own
    domains.
    """
    if not provider.trusts_email or not is_mail_address(address):
        return False
    if provider.trusts_email == ANY_DOMAIN and not provider.organisation:
        return True
    return domain_of(address) in provider.domains


def _bounded(value: Any, length: int) -> str:
    """Text that may be shown, or none: what is too long or has control characters is left out."""
    return value if isinstance(value, str) and len(value) <= length and value.isprintable() else ""
