"""A small estate in which everything stands that can: to show what a verb takes away, and what it does not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import count
from typing import Any

from authserver.ends import Begun
from authserver.messages.mail import EMAIL_VERIFICATION, PASSWORD_RESET
from authserver.models.api_keys import ApiKey
from authserver.models.browsers import Consent, Federation, OneTimeLink, PendingRequest, Session
from authserver.models.clients import Client, ClientSecret
from authserver.models.configuration import IdentityProvider, Theme
from authserver.models.erasures import Erasure
from authserver.models.factors import Factors, Passkey, Totp
from authserver.models.invitations import Approval, Invitation
from authserver.models.keys import Key, Ring
from authserver.models.organisations import ADMINISTRATOR, Membership, Organisation
from authserver.models.registration import InitialAccessToken
from authserver.models.tokens import AccessTokenRecord, Authorization, DeviceRequest
from authserver.models.users import Identity, User
from authserver.models.webhooks import Webhooks
from authserver.resources import Resource, ResourceCatalogue
from authserver.scopes import ScopeCatalogue, ScopeDefinition
from authserver.storage.api_keys import KeyStanding
from authserver.storage.standing import Ends, Standing
from authserver.values import Scope, sha256
from tests.contract.implementations import Stores
from tests.contract.records import (
    END,
    IDLE,
    NOW,
    access_token,
    api_key,
    authorization,
    configured,
    consent,
    device,
    federation,
    identifier,
    identity_provider,
    key,
    membership,
    pending_request,
    session,
    user,
    webhook,
)
from tests.fakes import client

FAR = NOW + 10**6
ISSUER = "https://idp.example"
ACCESS_TOKEN = f"{FAR}.jti"
LINK_HASH = sha256("the link's secret")
INITIAL_HASH = sha256("the initial access token's secret")
IMPORTED = ClientSecret(b"", NOW, encoded="$2b$12$hash")
_ages = count(1)
RESOURCES = (Resource("orders", "https://orders.example"), Resource("mcp", "https://mcp.example"))
CATALOGUE = (ScopeDefinition("read", "Read"), ScopeDefinition("write", "Write"))


@dataclass(frozen=True)
class Estate:
    """`alice` is a member of `acme`, of which `ada` and `gil` are administrators; ada is an operator as well.

    Two clients: `web`, with a secret of ours and an imported one, and `kept`, a registration that was never used.
    Alice has used web for herself (`personal`), and for acme by ada's approval (`tenant`); a code of hers is not
    redeemed. `jti` is a token of web's own. `acme_key` is carried by ada. What begins with ``new_`` is not stored, and
    free.
    """

    stores: Stores
    alice: User
    ada: User
    gil: User
    factors: Factors
    identities: tuple[Identity, Identity]
    web: Client
    kept: Client
    acme: Organisation
    member: Membership
    administrator: Membership
    other_administrator: Membership
    session: Session
    other_session: Session
    request: PendingRequest
    federation: Federation
    device: DeviceRequest
    personal: Authorization
    tenant: Authorization
    code: Authorization
    opaque: AccessTokenRecord
    machine: AccessTokenRecord
    own_key: ApiKey
    acme_key: ApiKey
    web_key: ApiKey
    jti: str
    consent: Consent
    question: Approval
    approval: Approval
    invitation: Invitation
    reset: OneTimeLink
    confirmation: OneTimeLink
    provider: IdentityProvider
    tenants_provider: IdentityProvider
    initial: InitialAccessToken
    ring: Ring
    catalogue: ScopeCatalogue
    resources: ResourceCatalogue
    theme: Theme
    webhooks: Webhooks
    erasure: Erasure
    new_user: User
    new_client: Client
    new_organisation: Organisation
    new_authorization: Authorization
    new_access_token: AccessTokenRecord
    new_key: ApiKey
    new_session: Session
    new_request: PendingRequest
    new_federation: Federation
    new_device: DeviceRequest
    new_consent: Consent
    new_approval: Approval
    new_invitation: Invitation
    new_link: OneTimeLink
    new_provider: IdentityProvider
    new_initial: InitialAccessToken
    new_identity: Identity
    new_federated: User
    new_ring: Ring

    # -- what is there

    def seen(self) -> dict[str, Any]:
        """Everything that can be read of it, by what it is; None where it is not there."""
        return dict(self._seen())

    def _seen(self) -> Iterator[tuple[str, Any]]:
        stores = self.stores
        for name, record in self._records():
            yield name, _READERS[type(record)](stores, record)
        for name in ("alice", "ada", "gil", "new_user", "new_federated"):
            person: User = getattr(self, name)
            yield f"factors of {name}", stores.factors.get(key(person.sub))
            yield f"identities of {name}", stores.users.identities(person.sub)
            yield f"login name of {name}", stores.users.identify(person.username) if person.username else None
            yield f"end of {name}", stores.browsers.ends(key(person.sub)).subject
        for name in ("web", "kept", "new_client"):
            yield f"end of {name}", self.standing(getattr(self, name).client_id).ends.client
        yield "end of acme", self.standing().ends.organisation
        yield "jti", stores.tokens.standing(jti=self.jti).is_revoked
        yield "catalogue", stores.configuration.scopes()
        yield "resources", stores.configuration.resources()
        yield "theme", stores.configuration.theme()
        yield "webhooks", stores.configuration.webhooks()
        yield "deployment", stores.deployment()
        ours = (self.initial.id, self.new_initial.id)
        yield "initial access tokens", [one for one in self._initial_access_tokens() if one.id in ours]

    def _records(self) -> Iterator[tuple[str, Any]]:
        for field in fields(self):
            record = getattr(self, field.name)
            if type(record) in _READERS:
                yield field.name, record

    def standing(self, client_id: str = "", authorization_id: str | None = None) -> Standing:
        return self.stores.tokens.standing(
            client_key=key(client_id or self.web.client_id),
            subject_key=key(self.alice.sub),
            organisation_key=key(self.acme.id),
            authorization_id=authorization_id,
        )

    # -- what stands

    def standing_things(self) -> frozenset[str]:
        """Whatever may be used now, each thing by a name."""
        return frozenset(self._standing_things())

    def _standing_things(self) -> Iterator[str]:
        yield from self._standing_people()
        yield from self._standing_clients()
        yield from self._standing_tenants()
        yield from self._standing_grants()
        yield from (
            name for name in ("own_key", "acme_key", "web_key") if self.key_standing(getattr(self, name)).stands
        )
        yield from self._standing_browsers()
        yield from self._standing_configuration()

    def _standing_people(self) -> Iterator[str]:
        for name in ("alice", "ada", "gil"):
            person = self.stores.users.get(getattr(self, name).sub)
            if person is None or person.status != "active":
                continue
            yield f"{name}"
            if person.password_hash and self.stores.users.find(person.username) == person:
                yield f"password of {name}"
            if person.operator and self.stores.browsers.ends(key(person.sub)).subject.operator:
                yield f"operator {name}"
        for number, identity in enumerate(self.identities):
            if self.stores.users.find_by_identity(ISSUER, identity.subject) is not None:
                yield f"identity {number}"
        factors = self.stores.factors.get(key(self.alice.sub))
        if factors is not None:
            yield from (f"recovery code {code}" for code in factors.recovery_codes)
            yield from ("passkey" for _ in factors.passkeys)
            if factors.asks_for_code:
                yield "totp"

    def _standing_clients(self) -> Iterator[str]:
        for name in ("web", "kept"):
            found = self.stores.clients.find(getattr(self, name).client_id)
            if found is None or not found.is_active or found.is_expired(NOW):
                continue
            yield name
            end = self.stores.tokens.standing(client_key=key(found.client_id)).ends.client
            told = found.scope if end.scope is None else end.scope
            yield from (f"{name} may {scope}" for scope in sorted({*found.scope} & {*told}))
            yield from (f"{name}'s secret of {secret.created_at}" for secret in found.secrets)

    def _standing_tenants(self) -> Iterator[str]:
        found = self.stores.organisations.get(self.acme.id)
        if found is not None and found.status == "active":
            yield "acme"
            yield from (f"company {company}" for company in found.companies)
        for name in ("member", "administrator", "other_administrator"):
            who = getattr(self, name)
            ends = self.stores.tokens.standing(subject_key=key(who.subject), organisation_key=key(self.acme.id)).ends
            if (
                not ends.is_suspended
                and ends.membership
                and (ends.membership.epoch, ends.membership.role)
                == (
                    who.epoch,
                    who.role,
                )
            ):
                yield name
        sender = self.stores.organisations.membership(self.acme.id, self.invitation.invited_by)
        is_sent = self.stores.organisations.invitation(self.invitation.id) == self.invitation
        if is_sent and sender and sender.role == ADMINISTRATOR:
            yield "invitation"
        for name in ("provider", "tenants_provider"):
            provider = self.stores.identity_providers.get(getattr(self, name).id)
            if provider is not None and provider.is_active:
                yield name
                yield from (
                    f"{name} of {domain}"
                    for domain in provider.domains
                    if self.stores.identity_providers.by_domain(domain) == provider
                )

    def _standing_grants(self) -> Iterator[str]:
        for name in ("personal", "tenant", "code"):
            before = getattr(self, name)
            standing = self.stores.tokens.standing(
                client_key=key(before.client_id),
                subject_key=key(before.subject),
                organisation_key=key(before.organisation) if before.organisation else "",
                authorization_id=before.id,
            )
            found = standing.authorization
            if found is None or found.revoked_at is not None or not standing.stands(found):
                continue
            yield name
            yield from (f"{name} reaches {one}" for one in found.entities)
            if found.redeemed_by is None:
                yield f"unredeemed {name}"
            yield f"generation {found.generation} of {name}"
            if ACCESS_TOKEN not in found.revoked_access_tokens:
                yield f"access token of {name}"
        for name, record in (("opaque", self.opaque), ("machine", self.machine)):
            standing = self.stores.tokens.standing(
                client_key=key(record.client_id),
                subject_key=key(record.subject) if record.authorization_id else "",
                authorization_id=record.authorization_id,
                access_token_id=record.id,
            )
            token, authorization = standing.access_token, standing.authorization
            under = authorization.begun if authorization is not None else record.begun
            is_revoked = authorization is not None and authorization.revoked_at is not None
            if token is not None and not token.is_revoked and not is_revoked and standing.ends.stand(under):
                yield name
        standing = self.stores.tokens.standing(client_key=key(self.web.client_id), jti=self.jti, begun=self._machine)
        if not standing.is_revoked and standing.ends.stand(self._machine):
            yield "jti"
        if any(one.id == self.initial.id and one.remaining for one in self._initial_access_tokens()):
            yield "initial"

    def key_standing(self, made: ApiKey) -> KeyStanding:
        return self.stores.api_keys.standing(
            made.id,
            subject_key=key(made.subject) if made.subject else "",
            client_key=key(made.client_id) if made.client_id else "",
            organisation_key=key(made.organisation) if made.organisation else "",
        )

    @property
    def _machine(self) -> Begun:
        """What a token of web's own was begun under."""
        return self.machine.begun

    def _initial_access_tokens(self) -> tuple[InitialAccessToken, ...]:
        return self.stores.tokens.initial_access_tokens(limit=100).items

    def _standing_browsers(self) -> Iterator[str]:
        subject, web = key(self.alice.sub), key(self.web.client_id)
        for name in ("session", "other_session"):
            before = getattr(self, name)
            state = self.stores.browsers.browser_state(session_id=before.id, subject_key=subject)
            if state.session is not None and state.ends.stand(state.session.begun, state.session.sessions):
                yield name
        state = self.stores.browsers.browser_state(request_id=self.request.id, subject_key=subject, client_key=web)
        found = self.stores.clients.find(self.web.client_id)
        ends = state.ends.for_client(web, found.epoch) if found else Ends(client_key=web)
        if state.consent is not None and found is not None and ends.stand(state.consent.begun):
            yield from (f"consent to {scope}" for scope in state.consent.scope)
        if state.request is not None and state.request.answer is None:
            yield "request"
        for name in ("question", "approval"):
            asked = getattr(self, name)
            now = self.stores.browsers.approval(asked.organisation, asked.client_id, asked.subject)
            if now is None or (now.decision, now.created_at) != (asked.decision, asked.created_at):
                continue
            ends = self.standing(asked.client_id).ends
            # The member's own password has no part in it, nor what the member granted the client.
            if ends.stand(replace(now.begun, subject=ends.subject.epoch, grant=ends.begun().grant)):
                yield name
        for name in ("reset", "confirmation"):
            before = getattr(self, name)
            sent = self.stores.browsers.link(before.id, subject)
            if sent.link and sent.link.spent_by is None and sent.ends.stand(sent.link.begun, sent.link.sessions):
                yield name

    def _standing_configuration(self) -> Iterator[str]:
        scopes = self.stores.configuration.scopes()
        yield from (f"scope {one.name}" for one in (scopes.definitions if scopes else ()))
        resources = self.stores.configuration.resources()
        yield from (f"resource {one.id}" for one in (resources.definitions if resources else ()))
        ring = self.stores.keys.get(self.ring.name)
        yield from (f"key {one.kid}" for one in (ring.keys if ring else ()))
        if self.stores.deployment().era == self.personal.begun.era:
            yield "era"
        if (webhooks := self.stores.configuration.webhooks()) and webhooks.all:
            yield "webhooks"


_READERS: dict[type[Any], Callable[[Stores, Any], Any]] = {
    User: lambda stores, one: stores.users.get(one.sub),
    Client: lambda stores, one: stores.clients.get(one.client_id),
    Organisation: lambda stores, one: stores.organisations.get(one.id),
    Membership: lambda stores, one: stores.organisations.membership(one.organisation, one.subject),
    Session: lambda stores, one: stores.browsers.browser_state(session_id=one.id).session,
    PendingRequest: lambda stores, one: stores.browsers.browser_state(request_id=one.id).request,
    Authorization: lambda stores, one: stores.tokens.find(one.id),
    AccessTokenRecord: lambda stores, one: stores.tokens.standing(access_token_id=one.id).access_token,
    DeviceRequest: lambda stores, one: stores.tokens.device(one.id),
    Consent: lambda stores, one: (
        stores.browsers.browser_state(subject_key=key(one.subject), client_key=key(one.client_id)).consent
    ),
    Approval: lambda stores, one: stores.browsers.approval(one.organisation, one.client_id, one.subject),
    Invitation: lambda stores, one: stores.organisations.invitation(one.id),
    OneTimeLink: lambda stores, one: stores.browsers.link(one.id, key(one.subject)).link,
    IdentityProvider: lambda stores, one: stores.identity_providers.get(one.id),
    Ring: lambda stores, one: stores.keys.get(one.name),
    ApiKey: lambda stores, one: stores.api_keys.find(one.id),
    Erasure: lambda stores, one: stores.erasures.get(one.subject_key),
}


# ------------------------------------------------------------------ building one


def built(stores: Stores, *, raised: bool = True) -> Estate:
    """An estate of which nothing was there before. `raised`: each of its epochs was, at least once."""
    alice, ada, gil = (_user(stores, operator=name == "ada") for name in ("alice", "ada", "gil"))
    gone = _user(stores)
    assert stores.withdrawals.delete_user(gone.sub, NOW)
    secrets = (ClientSecret(sha256("secret"), NOW + 1), IMPORTED)
    web = client(client_id=identifier(), scope=Scope.parse("openid read write"), secrets=secrets, owner=alice.sub)
    kept = client(client_id=identifier(), expires_at=FAR)
    acme = Organisation(f"org-{identifier()}", "A customer", {"a": "A", "b": "B"}, created_at=NOW)
    for registered in (web, kept):
        assert stores.clients.create(registered)
    assert stores.organisations.create(acme)
    member, administrator, other = (
        membership(acme.id, alice.sub),
        membership(acme.id, ada.sub, ADMINISTRATOR),
        membership(acme.id, gil.sub, ADMINISTRATOR),
    )
    for one in (member, administrator, other):
        stores.withdrawals.set_membership(one)
    if raised:
        _raise_all(stores, alice.sub, web.client_id, acme.id)
    ends = stores.tokens.standing(
        client_key=key(web.client_id), subject_key=key(alice.sub), organisation_key=key(acme.id)
    ).ends
    subject = Begun(era=ends.deployment.era, subject=ends.subject.epoch)
    personal = replace(subject, client=ends.client.epoch, grant=ends.begun().grant)
    under_acme = replace(ends.begun(key(ada.sub)), grant=personal.grant)
    granted = _granted(stores, alice, web, acme, personal, under_acme, ends.subject.sessions)
    sessions = {"subject": alice.sub, "begun": subject, "sessions": ends.subject.sessions}
    asked = _asked(stores, alice, web, kept, acme, administrator, replace(under_acme, subject=0))
    return Estate(
        stores=stores,
        alice=_got(stores.users.get(alice.sub)),
        ada=ada,
        gil=gil,
        factors=_factors(stores, alice),
        identities=_identities(stores, alice),
        web=web,
        kept=kept,
        acme=_got(stores.organisations.get(acme.id)),
        member=member,
        administrator=administrator,
        other_administrator=other,
        session=_put(stores.browsers.put_session, session(**sessions)),
        other_session=_put(stores.browsers.put_session, session(**sessions)),
        request=_put(stores.browsers.put_request, pending_request()),
        federation=_put(stores.browsers.put_federation, federation()),
        device=_put(stores.tokens.put_device, device()),
        **granted,
        own_key=_put(
            stores.api_keys.create, api_key(subject=alice.sub, begun=replace(subject, subject=ends.subject.api_keys))
        ),
        acme_key=_made_for(stores, administrator, acme, ends.deployment.era),
        web_key=_put(
            stores.api_keys.create,
            api_key(client_id=web.client_id, begun=Begun(era=subject.era, client=personal.client)),
        ),
        jti=identifier(),
        consent=_remembered(
            stores,
            consent(subject=alice.sub, client_id=web.client_id, begun=personal, scope=Scope.of(["read", "write"])),
        ),
        **asked,
        invitation=_put(stores.organisations.invite, _invitation(administrator, subject.era)),
        reset=_put(stores.browsers.put_link, _link(alice, PASSWORD_RESET, alice.email, subject)),
        confirmation=_put(
            stores.browsers.put_link,
            replace(_link(alice, EMAIL_VERIFICATION, alice.pending_email, subject), sessions=ends.subject.sessions),
        ),
        provider=configured(stores.identity_providers, domains=(_domain(),)),
        tenants_provider=configured(stores.identity_providers, organisation=acme.id),
        initial=_put(stores.tokens.put_initial_access_token, _initial(subject.era)),
        ring=_put(stores.keys.put, _ring()),
        catalogue=_catalogue(stores),
        resources=_resources(stores),
        theme=_theme(stores),
        webhooks=_webhooks(stores),
        erasure=_got(stores.erasures.get(key(gone.sub))),
        new_user=user(),
        new_client=client(client_id=identifier()),
        new_organisation=Organisation(f"org-{identifier()}", "Another customer"),
        new_authorization=authorization(subject=alice.sub, client_id=web.client_id, begun=personal),
        new_access_token=access_token(client_id=web.client_id, subject=alice.sub),
        new_key=api_key(subject=ada.sub, organisation=acme.id, entities=frozenset({"a"})),
        new_session=session(**sessions),
        new_request=pending_request(),
        new_federation=federation(),
        new_device=device(),
        new_consent=consent(subject=alice.sub, begun=subject),
        new_approval=replace(asked["question"], client_id=identifier()),
        new_invitation=_invitation(administrator, subject.era),
        new_link=_link(alice, PASSWORD_RESET, alice.email, subject),
        new_provider=identity_provider(),
        new_initial=_initial(subject.era),
        new_identity=Identity.of(alice.sub, ISSUER, identifier(), NOW),
        new_federated=user(username=""),
        new_ring=_ring(),
    )


def _raise_all(stores: Stores, subject: str, client_id: str, organisation: str) -> None:
    withdrawals = stores.withdrawals
    withdrawals.end(subject=subject)
    withdrawals.end(client_id=client_id)
    withdrawals.end(organisation=organisation)
    withdrawals.end(subject=subject, client_id=client_id)
    withdrawals.end(organisation=organisation, client_id=client_id)
    withdrawals.end_sessions(subject)


def _got[R](record: R | None) -> R:
    assert record is not None
    return record


def _put[R](put: Callable[[R], object], record: R) -> R:
    assert put(record) in (True, None)
    return record


def _user(stores: Stores, **overrides: Any) -> User:
    mark = identifier()
    person = user(email=f"{mark}@b.example", pending_email=f"{mark}@c.example", **overrides)
    assert stores.users.create(person)
    return person


def _factors(stores: Stores, person: User) -> Factors:
    phone = Passkey(identifier().encode(), b"\x01", "A telephone", NOW)
    codes = frozenset({"hash-one", "hash-two"})
    assert stores.factors.replace(Factors(person.sub, Totp(b"wrapped", NOW), codes, (phone,)))
    return _got(stores.factors.get(key(person.sub)))


def _identities(stores: Stores, person: User) -> tuple[Identity, Identity]:
    one, two = (Identity.of(person.sub, ISSUER, identifier(), NOW + number) for number in range(2))
    assert stores.users.link(one)
    assert stores.users.link(two)
    return one, two


def _granted(
    stores: Stores, alice: User, web: Client, acme: Organisation, personal: Begun, under_acme: Begun, sessions: int
) -> dict[str, Any]:
    """Three authorizations, and tokens: alice's by the personal one, and web's own."""
    whose: dict[str, Any] = {"subject": alice.sub, "client_id": web.client_id}
    tenants = {"organisation": acme.id, "entities": frozenset({"a", "b"}), "by_administrator": True}
    records = {
        "personal": authorization(**whose, begun=personal, is_public=True),
        "tenant": authorization(**whose, **tenants, begun=under_acme),
        "code": authorization(**whose, begun=personal, sessions=sessions),
    }
    for name, record in records.items():
        stores.tokens.create(record)
        if name != "code":
            stores.tokens.redeem(record.id, record.code_hash, "claim", NOW, IDLE, END)
    stored = {name: _got(stores.tokens.find(record.id)) for name, record in records.items()}
    by_authorization = {**whose, "authorization_id": records["personal"].id}
    machine = Begun(era=personal.era, client=personal.client)
    return {
        **stored,
        "opaque": _put(stores.tokens.put_access_token, access_token(**by_authorization)),
        "machine": _put(
            stores.tokens.put_access_token,
            access_token(client_id=web.client_id, subject=web.client_id, begun=machine),
        ),
    }


def _made_for(stores: Stores, by: Membership, acme: Organisation, era: str) -> ApiKey:
    end = stores.tokens.standing(organisation_key=key(acme.id)).ends.organisation
    approver = key(by.subject)
    begun = Begun(era=era, organisation=end.epoch, approver=approver, approval=end.approvers.get(approver, 0))
    made = api_key(subject=by.subject, organisation=acme.id, entities=frozenset({"a"}), begun=begun)
    assert stores.api_keys.create(made, by)
    return made


def _asked(
    stores: Stores, alice: User, web: Client, kept: Client, acme: Organisation, ada: Membership, under: Begun
) -> dict[str, Any]:
    """What alice asked for web, which ada has allowed, and what she asked for the other client."""
    common: dict[str, Any] = {
        "organisation": acme.id,
        "subject": alice.sub,
        "scope": Scope.parse("read"),
        "resource": ("https://api.example",),
        "entities": frozenset({"a"}),
        "created_at": NOW,
        "expires_at": FAR,
    }
    nothing_yet = replace(under, approver="", approval=0)
    first = Approval(**common, client_id=web.client_id, begun=nothing_yet)
    question = Approval(
        **common, client_id=kept.client_id, begun=replace(nothing_yet, client=0, grant=0, installation=0)
    )
    for one in (first, question):
        stores.browsers.ask_approval(one)
    assert stores.browsers.answer_approval(first, "allow", ada, under, NOW, FAR)
    return {
        "question": question,
        "approval": _got(stores.browsers.approval(acme.id, web.client_id, alice.sub)),
    }


def _remembered(stores: Stores, record: Consent) -> Consent:
    stores.browsers.remember_consent(record, NOW)
    return record


def _invitation(by: Membership, era: str) -> Invitation:
    name, begun = f"name-{identifier()}", Begun(era=era, membership=by.epoch)
    return Invitation((identifier() * 2)[:43], by.organisation, name, "member", by.subject, NOW, FAR, begun)


def _link(person: User, purpose: str, address: str, begun: Begun) -> OneTimeLink:
    return OneTimeLink(identifier(), LINK_HASH, purpose, person.sub, address, NOW, FAR, begun=begun)


def _domain() -> str:
    return f"{identifier()}.example".lower().replace("_", "-")


def _initial(era: str) -> InitialAccessToken:
    """One that is older than all that were made before, and so among the first that are listed."""
    at, begun = NOW - next(_ages), Begun(era=era)
    return InitialAccessToken(identifier(), INITIAL_HASH, remaining=2, created_at=at, expires_at=FAR, begun=begun)


def _ring() -> Ring:
    return Ring(identifier(), 1, (Key("old", NOW, NOW, FAR, {}, b"old"), Key("newest", NOW, NOW, None, {}, b"newest")))


def _catalogue(stores: Stores) -> ScopeCatalogue:
    before = stores.configuration.scopes()
    version = before.version if before else 0
    assert stores.withdrawals.change_scopes(ScopeCatalogue.of(CATALOGUE, version))
    return _got(stores.configuration.scopes())


def _resources(stores: Stores) -> ResourceCatalogue:
    before = stores.configuration.resources()
    version = before.version if before else 0
    assert stores.withdrawals.change_resources(ResourceCatalogue(RESOURCES, version))
    return _got(stores.configuration.resources())


def _webhooks(stores: Stores) -> Webhooks:
    before = stores.configuration.webhooks() or Webhooks()
    assert stores.configuration.put_webhooks(replace(before, all=(webhook(),)))
    return _got(stores.configuration.webhooks())


def _theme(stores: Stores) -> Theme:
    stores.configuration.delete_theme()
    assert stores.configuration.put_theme(Theme(name="Wonderland"))
    return _got(stores.configuration.theme())
