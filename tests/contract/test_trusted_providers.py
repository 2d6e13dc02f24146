"""Laws of how far an identity provider's word reaches, as it is stored."""

import pytest

from authserver.models.configuration import ANY_DOMAIN
from authserver.models.organisations import ADMINISTRATOR
from authserver.storage.configuration import IdentityProviderStore
from tests.contract.implementations import Stores
from tests.contract.records import configured, identifier, membership


@pytest.mark.parametrize("trusted", [False, True, ANY_DOMAIN])
def test_a_measure_of_trust_is_read_as_it_was_written(
    stores: Stores, identity_providers: IdentityProviderStore, trusted: bool | str
) -> None:
    administrator = membership(identifier(), identifier(), ADMINISTRATOR)
    stores.withdrawals.set_membership(administrator)
    provider = configured(identity_providers, trusts_email=trusted, organisation=administrator.organisation)
    found = identity_providers.get(provider.id)
    assert found is not None
    assert (type(found.trusts_email), found.trusts_email) == (type(trusted), trusted)
    for change in (False, True):
        assert identity_providers.change(found, administrator, trusts_email=change)
        found = identity_providers.get(provider.id)
        assert found is not None
        assert found.trusts_email is change
