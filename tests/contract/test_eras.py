"""What waits for somebody's answer, and has no subject's epoch or besides it: none of it outlives a new era."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from authserver.ends import Begun
from authserver.models.browsers import OneTimeLink
from authserver.models.clients import Client
from authserver.models.invitations import Invitation
from authserver.models.organisations import ADMINISTRATOR, MEMBER, Membership, Organisation
from authserver.models.registration import InitialAccessToken
from authserver.storage.clients import Licence, Unlicensed
from authserver.tokens.opaque import key_of
from authserver.values import base64url, sha256
from tests.contract.implementations import Stores
from tests.contract.records import NOW, identifier, user

HASH = sha256("secret")
ADDRESS = "a@b.example"


@dataclass(frozen=True)
class Waiting:
    """Something that was begun in an era. `take` takes it as one of the era that it is told; `taken` tells whether it
    did anything at all."""

    take: Callable[[Stores, str], bool]
    taken: Callable[[Stores], bool]


def initial_access_token(stores: Stores, era: str) -> Waiting:
    token = InitialAccessToken(
        identifier(), HASH, remaining=2, created_at=NOW, expires_at=NOW + 60, begun=Begun(era=era)
    )
    stores.tokens.put_initial_access_token(token)
    client = Client(client_id=identifier(), client_name="An app")

    def take(stores: Stores, era: str) -> bool:
        try:
            return stores.clients.create(client, Licence(token.id, HASH, NOW, era))
        except Unlicensed:
            return False

    return Waiting(take, lambda stores: stores.clients.get(client.client_id) is not None)


def invitation(stores: Stores, era: str) -> Waiting:
    invited, by, organisation = user(), f"sub-{identifier()}", Organisation(identifier(), "Acme", created_at=NOW)
    assert stores.organisations.create(organisation)
    stores.withdrawals.set_membership(Membership(organisation.id, by, ADMINISTRATOR, NOW, epoch="one"))
    offered = Invitation(
        id=base64url(key_of(organisation.id) + key_of(invited.username)),
        organisation=organisation.id,
        name=invited.username,
        role=MEMBER,
        invited_by=by,
        created_at=NOW,
        expires_at=NOW + 60,
        begun=Begun(era=era, membership="one"),
    )
    stores.organisations.invite(offered)
    membership = Membership(organisation.id, invited.sub, MEMBER, NOW, epoch="two")

    def take(stores: Stores, era: str) -> bool:
        return stores.organisations.accept_invitation(
            replace(offered, begun=replace(offered.begun, era=era)), membership, NOW
        )

    return Waiting(take, lambda stores: stores.organisations.membership(organisation.id, invited.sub) is not None)


def password_link(stores: Stores, era: str) -> Waiting:
    person = user(email=ADDRESS)
    assert stores.users.create(person)
    link = OneTimeLink(identifier(), HASH, "password_reset", person.sub, ADDRESS, NOW, NOW + 60, begun=Begun(era=era))
    assert stores.browsers.put_link(link)

    def take(stores: Stores, era: str) -> bool:
        return stores.withdrawals.reset_password(replace(link, begun=Begun(era=era)), "claim", "new hash", NOW)

    return Waiting(take, lambda stores: stores.users.get(person.sub) != person)


def address_link(stores: Stores, era: str) -> Waiting:
    address = f"{identifier()}@b.example"
    person = user(pending_email=address)
    assert stores.users.create(person)
    link = OneTimeLink(
        identifier(), HASH, "email_verification", person.sub, address, NOW, NOW + 60, begun=Begun(era=era)
    )
    assert stores.browsers.put_link(link)

    def take(stores: Stores, era: str) -> bool:
        return stores.users.confirm_email(replace(link, begun=Begun(era=era)), "claim", NOW) is not None

    return Waiting(take, lambda stores: stores.users.get(person.sub) != person)


KINDS = [initial_access_token, invitation, password_link, address_link]


@pytest.mark.parametrize("is_first", [True, False], ids=["first era", "later era"])
@pytest.mark.parametrize("begin", KINDS)
def test_it_is_taken_in_its_own_era_alone(
    own_stores: Stores, begin: Callable[[Stores, str], Waiting], is_first: bool
) -> None:
    if not is_first:
        own_stores.withdrawals.end_everything(identifier())
    era = own_stores.deployment().era
    kept, waiting = begin(own_stores, era), begin(own_stores, era)
    assert kept.take(own_stores, era)
    assert kept.taken(own_stores)
    own_stores.withdrawals.end_everything(identifier())
    assert not waiting.take(own_stores, era), "by an act that was under way"
    assert not waiting.taken(own_stores)


@pytest.mark.parametrize("begin", [initial_access_token, invitation])
def test_it_is_not_taken_as_one_of_the_present_era(own_stores: Stores, begin: Callable[[Stores, str], Waiting]) -> None:
    waiting = begin(own_stores, own_stores.deployment().era)
    own_stores.withdrawals.end_everything(identifier())
    assert not waiting.take(own_stores, own_stores.deployment().era)
    assert not waiting.taken(own_stores)
