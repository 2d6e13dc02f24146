"""Signing in through an identity provider: there and back again, for one pending request.

There: the person chose a provider on the sign-in page. Back: the provider's answer is taken once, by the browser that
went, at the redirect URI that is that provider's alone; only then is its code exchanged.
"""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urljoin

from authserver.errors import InvalidRequest
from authserver.identity.activity import SIGNED_IN_ELSEWHERE, note
from authserver.identity.begin import account_state, begun_of
from authserver.identity.claims import SCOPE_OF, changed_entries, claims_of_provider, exceeded
from authserver.identity.federated import (
    Person,
    SignInFailed,
    authenticate_person,
    authorization_url,
    discover,
    is_multi_tenant,
    redeem_code,
    require_issuer,
)
from authserver.identity.providers import domain_of, unwrap_secret
from authserver.identity.throttle import network_of
from authserver.marks import N_
from authserver.messages.browser import (
    REQUEST_LIFETIME,
    FederationForm,
    FederationProblem,
    FederationResponse,
    GoTo,
    GoToProvider,
    Interaction,
)
from authserver.models import ACTIVE
from authserver.models.browsers import Federation
from authserver.models.configuration import IdentityProvider
from authserver.models.organisations import MEMBER, Membership
from authserver.models.users import Attribute, Source, User, identity_id
from authserver.ports import Fetcher
from authserver.services import Services
from authserver.storage.configuration import ProviderOver
from authserver.storage.standing import Ends
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.values import base64url, from_base64url

from .under_way import LOGIN, Resumed, begin_session, require_csrf, resume

# All that is fetched for one step. API Gateway would wait longer; a person should not.
SECONDS = 8.0

TRY_AGAIN = N_("Please try again. If it happens again, choose another way to sign in, or tell the people who run this.")
CHOOSE = N_("You can try again or choose another way to sign in.")
CONTACT = N_("Choose another way to sign in, or ask the people who run this for an account.")
UNFINISHED = N_("The sign-in there could not be completed.")
NOT_ANEW = N_("The app asks you to sign in again, and no new sign-in happened there.")

# The sentence on the page, by the first words of the reason.
EXPLANATIONS = {
    "provider_unknown": (404, N_("There is no such way to sign in here."), CHOOSE),
    "domain_unknown": (404, N_("No organisation is known here for that email address."), CHOOSE),
    "denied": (403, N_("The sign-in was cancelled or refused there."), CHOOSE),
    "spent": (400, N_("This sign-in has expired or was used before."), TRY_AGAIN),
    # What the browser brought, which is unverified input.
    "answer_without_code": (400, UNFINISHED, TRY_AGAIN),
    "code_too_long": (400, UNFINISHED, TRY_AGAIN),
    "code_refused": (400, UNFINISHED, TRY_AGAIN),
    "issuer_mixed_up": (400, UNFINISHED, TRY_AGAIN),
    "no_account": (403, N_("There is no account here for you yet."), CONTACT),
    "disabled": (403, N_("Your account is disabled."), CONTACT),
    "auth_time_missing": (403, NOT_ANEW, CHOOSE),
    "auth_time_too_old": (403, NOT_ANEW, CHOOSE),
}
FAILED_THERE = (502, UNFINISHED, TRY_AGAIN)


# ------------------------------------------------------------------ there


def begin_federation(form: FederationForm, services: Services) -> GoToProvider | FederationProblem:
    """Sends the browser to the provider that was chosen. Raises `InvalidRequest` if the form is not its own."""
    resumed = resume(form, services)
    require_csrf(form.csrf, LOGIN, resumed, form.browser_secret, services)
    return _begin(form, resumed, services)


def lead_to_provider(visit: FederationForm, services: Services) -> GoToProvider | FederationProblem | GoTo:
    """Sends the browser to the provider that is held with what waits (`authority.begin_sign_in`); to the sign-in page
    if there is none."""
    resumed = resume(visit, services)
    if not resumed.provider:
        return GoTo("login", visit.request_handle)
    return _begin(replace(visit, provider=resumed.provider), resumed, services)


def _begin(form: FederationForm, resumed: Resumed, services: Services) -> GoToProvider | FederationProblem:
    try:
        provider = _chosen(form, services)
        metadata = discover(provider, _fetcher(services))
    except SignInFailed as failure:
        return _problem(failure.reason, form.request_handle, services)
    max_age = _max_age(resumed)
    federation = _set_out(resumed, provider, max_age, services)
    url = authorization_url(
        provider,
        metadata,
        federation,
        _state(federation, services),
        _redirect_uri(federation, services),
        login_hint=form.email or resumed.login_hint,
        prompt="select_account" if "select_account" in resumed.prompt else "",
        max_age="" if max_age is None else str(max_age),
    )
    return GoToProvider(url)


def _chosen(form: FederationForm, services: Services) -> IdentityProvider:
    if form.email:
        domain = domain_of(form.email)
        provider = services.identity_providers.by_domain(domain) if domain else None
    else:
        provider = services.identity_providers.get(form.provider)
    if provider is None or not _lets_people_in(provider, services):
        raise SignInFailed("domain_unknown" if form.email else "provider_unknown")
    return provider


def _lets_people_in(provider: IdentityProvider, services: Services) -> bool:
    """Whether it is active, and so is its organisation, if it has one."""
    if not provider.organisation:
        return provider.is_active
    organisation = services.organisations.get(provider.organisation)
    return provider.is_active and organisation is not None and organisation.status == ACTIVE


def _set_out(resumed: Resumed, provider: IdentityProvider, max_age: int | None, services: Services) -> Federation:
    now = services.now()
    federation = Federation(
        id=base64url(services.random(16)),
        request_id=resumed.pending.id,
        provider=provider.id,
        nonce=base64url(services.random(16)),
        code_verifier=base64url(services.random(32)),
        expires_at=now + REQUEST_LIFETIME,
        signed_in_since=None if max_age is None else now - max_age,
        callback=_callback(provider, services),
    )
    services.browsers.put_federation(federation)
    return federation


def _state(federation: Federation, services: Services) -> str:
    key = services.keys.token_key(TOKEN_RING)
    request, identifier = from_base64url(federation.request_id), from_base64url(federation.id)
    return opaque.seal(opaque.FEDERATION, key, request=request, id=identifier)


def _max_age(resumed: Resumed) -> int | None:
    """OpenID Connect Core section 3.1.2.1: ``prompt=login`` and ``max_age=0`` mean the same, and all ignore the latter
    who do not know it, while some refuse the former."""
    if "login" in resumed.prompt:
        return 0
    return resumed.request.max_age if resumed.request else None


# ------------------------------------------------------------------ and back


def provider_answering(response: FederationResponse, services: Services) -> str | None:
    """The identifier of the provider whose redirect URI was called; None if there is no such path here."""
    if response.callback is None:
        return response.provider
    provider = services.identity_providers.by_callback(response.callback)
    return provider.id if provider else None


def finish_federation(response: FederationResponse, services: Services) -> GoTo | FederationProblem:
    """Begins a session for the person that the provider names, which replaces the browser's session.

    Raises `InvalidRequest` if this browser did not leave for that provider.
    """
    state = _read_state(response, services)
    handle = _handle(state, services)
    resumed = resume(Interaction(handle, response.browser_secret, response.session), services)
    try:
        federation = _take_answer(response, state, services)
    except SignInFailed as failure:
        if _is_signed_in(resumed):
            return resumed.once_signed_in(handle)
        return _problem(failure.reason, handle, services)
    try:
        provider = _still_active(federation, services)
        person = _ask_provider(response, provider, federation, services)
        _require_unchanged(provider, federation, services)
        user, ends = _account_of(person, provider, response, services)
        session = begin_session(
            user.sub,
            resumed.pending.id,
            begun_of(ends),
            ends.subject.sessions,
            services,
            auth_time=person.auth_time,
            device=response.device,
            source=network_of(response.source),
            provider=provider,
        )
    except SignInFailed as failure:
        return _problem(failure.reason, handle, services)
    except ProviderOver:
        return _problem("provider_unknown", handle, services)
    if resumed.session is not None:
        services.withdrawals.end_session(resumed.session.id)
    _refresh(user, person, provider, services)
    note(
        services,
        user.sub,
        SIGNED_IN_ELSEWHERE,
        device=response.device,
        source=response.source,
        about=provider.name,
    )
    lifetime = services.settings.session_lifetime
    return resumed.once_signed_in(handle, session=session, lifetime=lifetime)


def _read_state(response: FederationResponse, services: Services) -> opaque.Credential:
    """The state, if we made it (RFC 6749 section 10.12)."""
    state = opaque.unseal(opaque.FEDERATION, response.state, services.keys.token_keys(TOKEN_RING))
    if state is None:
        raise InvalidRequest("This sign-in has expired or was begun in another browser", reason="state_garbage")
    return state


def _handle(state: opaque.Credential, services: Services) -> str:
    """The handle of the pending request that the state belongs to."""
    return opaque.seal(opaque.REQUEST, services.keys.token_key(TOKEN_RING), id=state.fields["request"])


def _take_answer(response: FederationResponse, state: opaque.Credential, services: Services) -> Federation:
    """Once, and only where the provider that answers is the one that was asked (RFC 9700 section 4.4.2.2)."""
    federation = services.browsers.spend_federation(
        state.text("id"),
        state.text("request"),
        response.provider,
        response.callback,
        claim=base64url(services.random(16)),
        now=services.now(),
    )
    if federation is None:
        raise SignInFailed("spent")
    return federation


def _is_signed_in(resumed: Resumed) -> bool:
    """Whether this browser's user has signed in for this request: then an answer that is loaded again leads on."""
    return resumed.session is not None and resumed.session.signed_in_for == resumed.pending.id


def _still_active(federation: Federation, services: Services) -> IdentityProvider:
    provider = services.identity_providers.get(federation.provider)
    if provider is None or not _lets_people_in(provider, services):
        raise SignInFailed("provider_unknown")
    return provider


def _require_unchanged(provider: IdentityProvider, federation: Federation, services: Services) -> None:
    """What was asked has answered, however long that took: it lets people in still, as it was when it was asked."""
    if _still_active(federation, services) != provider:
        raise SignInFailed("provider_unknown")


def _ask_provider(
    response: FederationResponse, provider: IdentityProvider, federation: Federation, services: Services
) -> Person:
    """The person that the provider has authenticated; the code is the last thing that is believed."""
    fetch = _fetcher(services)
    metadata = discover(provider, fetch)
    require_issuer(response.issuer, metadata)
    if provider.organisation and is_multi_tenant(metadata):
        raise SignInFailed("organisation_of_any_tenant")
    if response.error or not response.code:
        raise SignInFailed("denied" if response.error == "access_denied" else "answer_without_code")
    redirect_uri = _redirect_uri(federation, services)
    secret = unwrap_secret(provider, services)
    tokens = redeem_code(provider, metadata, federation, response.code, redirect_uri, secret, fetch)
    return authenticate_person(provider, metadata, federation, tokens, fetch, services.now())


def _account_of(
    person: Person, provider: IdentityProvider, response: FederationResponse, services: Services
) -> tuple[User, Ends]:
    """The account that is known by this identity, or a new one, and its ends of the same instant.

    Never one with the same e-mail address or name.
    """
    known = services.users.find_by_identity(person.issuer, person.subject)
    if known is None:
        known = _new_account(person, provider, response, services)
    state, ends = account_state(known.sub, services, _identity(person))
    if state.user is None:
        raise SignInFailed("no_account")
    if state.user.status != ACTIVE or ends.subject.suspended:
        raise SignInFailed("disabled")
    return state.user, ends


def _new_account(person: Person, provider: IdentityProvider, response: FederationResponse, services: Services) -> User:
    if not provider.sign_up:
        raise SignInFailed("no_account")
    now = services.now()
    user = User(
        *(base64url(services.random(16)), "", ""),
        created_at=now,
        attributes=person.attributes,
        provided={name: _source(person, provider) for name in person.attributes if name not in SCOPE_OF},
        **_account(person),
    )
    membership = None
    if provider.organisation:
        membership = Membership(provider.organisation, user.sub, MEMBER, now, epoch=base64url(services.random(16)))
    from authserver.identity.audit import by_user  # only the first sign-in of a person makes an account

    noting = by_user(services, "user.created", user.sub, source=response.source, request=response.request_id)
    if noting.users.create_federated(user, person.issuer, person.subject, provider, membership):
        return user
    # The same person, in another tab, a moment earlier.
    existing = services.users.find_by_identity(person.issuer, person.subject)
    if existing is None:
        raise SignInFailed("no_account")
    return existing


def _refresh(user: User, person: Person, provider: IdentityProvider, services: Services) -> None:
    """Gives the account what the provider says of the person now, in one write, while it is their identity still.

    What it no longer tells stays, but for the attributes that operators keep: those that they had mapped here are the
    provider's to give and to take, even if the person has a password. Such a person signs in here as well: their
    address, where the links to a new one go, and what they are called are not the provider's to change.
    """
    identity = _identity(person)
    attributes = _attributes(user, person, provider)
    source = {
        name: _source(person, provider) for name in person.attributes if name not in SCOPE_OF and name in attributes
    }
    others = {
        name: user.provided[name] for name in user.provided.keys() & attributes if not _is_of(user, name, identity)
    }
    changes: dict[str, Any] = {
        "attributes": changed_entries(user.attributes, attributes),
        "provided": changed_entries(user.provided, {**others, **source}),
    }
    if not user.password_hash:
        changes |= {name: value for name, value in _account(person).items() if getattr(user, name) != value}
    changes = {name: value for name, value in changes.items() if value != {}}
    if changes:
        services.users.update(user.sub, identity=identity, **changes, updated_at=services.now())


def _identity(person: Person) -> str:
    return identity_id(person.issuer, person.subject)


def _source(person: Person, provider: IdentityProvider) -> str:
    return str(Source(_identity(person), provider.id, provider.epoch))


def _is_of(user: User, attribute: str, identity: str) -> bool:
    return user.source_of(attribute).identity == identity


def _account(person: Person) -> dict[str, Any]:
    """The fields of an account, without its attributes, that the provider tells of the person."""
    told = {"name": person.name, "preferred_username": person.preferred_username, "email": person.email}
    fields: dict[str, Any] = {name: value for name, value in told.items() if value}
    return fields | ({"email_verified": person.email_verified} if person.email else {})


def _attributes(user: User, person: Person, provider: IdentityProvider) -> dict[str, Attribute]:
    """The attributes of the account from now on: those that operators keep first, so that nothing that people say of
    themselves takes their room."""
    identity, known, told = _identity(person), user.attributes, person.attributes
    mapped = claims_of_provider(provider).keys() - {*SCOPE_OF}
    mapped |= {name for name in user.provided if _is_of(user, name, identity)}  # or was, and is no longer
    own = {name: value for name, value in known.items() if name not in SCOPE_OF and name not in mapped}
    given = {name: value for name, value in told.items() if name not in SCOPE_OF}
    standard = {name: value for name, value in known.items() if name in SCOPE_OF}
    if not user.password_hash:
        if "phone_number" in told:
            standard.pop("phone_number_verified", None)
        standard |= {name: value for name, value in told.items() if name in SCOPE_OF}
    kept = dict(own)
    for name, value in {**given, **standard}.items():
        if not exceeded({**kept, name: value}):
            kept[name] = value
    return kept


# ------------------------------------------------------------------ both ways


def _redirect_uri(federation: Federation, services: Services) -> str:
    """Each provider's own, so that none can pass for another (RFC 9700 section 4.4.2.2). Another system's path begins
    at the host, whatever the issuer's path is."""
    issuer = services.settings.issuer
    if federation.callback:
        return urljoin(issuer, federation.callback)
    return f"{issuer}/federate/callback/{federation.provider}"


def _callback(provider: IdentityProvider, services: Services) -> str | None:
    """The path of another system that the provider is to answer at, where its paths are answered here."""
    return provider.callback_path or None if "placeos" in services.settings.endpoint_aliases else None


def _fetcher(services: Services) -> Fetcher:
    if services.fetcher is None:
        raise RuntimeError("the federate function needs a fetcher")
    return services.fetcher.within(SECONDS)


def _problem(reason: str, handle: str, services: Services) -> FederationProblem:
    status, what, advice = EXPLANATIONS.get(reason, FAILED_THERE)
    back = f"{services.settings.issuer}/login?{urlencode({'request': handle})}"
    return FederationProblem(what, advice, back, status, f"federation_{reason}")
