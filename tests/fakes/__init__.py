"""What a use case may reach, in memory: stores that keep the laws of `authserver.storage`, a clock, randomness, keys.

``tests/contract`` holds these stores to the same laws as DynamoDB, so that whatever a unit test shows on them holds
there as well.
"""

from tests.fakes.api_keys import FakeApiKeys
from tests.fakes.audit import FakeArchive, FakeAudit, FakeChain, conditional
from tests.fakes.browsers import FakeBrowsers
from tests.fakes.chance import START, Clock, Random
from tests.fakes.clients import FakeClients
from tests.fakes.configuration import FakeConfiguration, FakeIdentityProviders
from tests.fakes.counters import FakeCounters
from tests.fakes.deployment import (
    CLIENT_SECRET,
    ISSUER,
    OTHER_RESOURCE,
    PASSWORD,
    REDIRECT_URI,
    RESOURCE,
    FakeStores,
    client,
    plugins,
    public_client,
    rings,
    services,
    settings,
    user,
)
from tests.fakes.documents import FakeDocuments
from tests.fakes.erasures import FakeErasures
from tests.fakes.factors import FakeFactors
from tests.fakes.journal import FakeJournal
from tests.fakes.keys import FakeKeys, FakeOpener
from tests.fakes.organisations import FakeOrganisations
from tests.fakes.passwords import FakePasswords
from tests.fakes.record import FakeRecord, Guarded
from tests.fakes.tokens import FakeTokens
from tests.fakes.users import FakeUsers
from tests.fakes.withdrawals import FakeWithdrawals
from tests.fakes.wrappers import Counted, Intercepted

__all__ = [
    "CLIENT_SECRET",
    "ISSUER",
    "OTHER_RESOURCE",
    "PASSWORD",
    "REDIRECT_URI",
    "RESOURCE",
    "START",
    "Clock",
    "Counted",
    "FakeApiKeys",
    "FakeArchive",
    "FakeAudit",
    "FakeBrowsers",
    "FakeChain",
    "FakeClients",
    "FakeConfiguration",
    "FakeCounters",
    "FakeDocuments",
    "FakeErasures",
    "FakeFactors",
    "FakeIdentityProviders",
    "FakeJournal",
    "FakeKeys",
    "FakeOpener",
    "FakeOrganisations",
    "FakePasswords",
    "FakeRecord",
    "FakeStores",
    "FakeTokens",
    "FakeUsers",
    "FakeWithdrawals",
    "Guarded",
    "Intercepted",
    "Random",
    "client",
    "conditional",
    "plugins",
    "public_client",
    "rings",
    "services",
    "settings",
    "user",
]
