"""Laws of how far an identity provider's word reaches, as it is stored."""

import pytest

from authserver.models import ANY_DOMAIN
from authserver.storage.configuration import IdentityProviderStore
from tests.contract.records import configured


@pytest.mark.parametrize("trusted", [False, True, ANY_DOMAIN])
def test_a_measure_of_trust_is_read_as_it_was_written(
    identity_providers: IdentityProviderStore, trusted: bool | str
) -> None:
    provider = configured(identity_providers, trusts_email=trusted, organisation="acme")
    found = identity_providers.get(provider.id)
    assert found is not None
    assert (type(found.trusts_email), found.trusts_email) == (type(trusted), trusted)
    for change in (False, True):
        changed = identity_providers.change(provider.id, provider.organisation, provider.issuer, trusts_email=change)
        assert changed is not None
        assert changed.trusts_email is change
