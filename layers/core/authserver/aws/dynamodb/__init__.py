"""The stores on DynamoDB. This docstring is the schema.

Clients (``client_id``)
    A client's RFC 7591 metadata and policy; ``version``, on which each change is conditional. ``expires_at`` only where
    an unused registration is to vanish. Listed by ``listed`` (all of them) and by ``listed_owner``.

Users (``id``)
    ``user#<sub>``            a user
    ``login#<sha256 of the normalised name>``   ``sub`` of the user with that login name; makes it unique
    ``organisation#<key>``    an organisation, with its ``companies``
    ``identity#<sha256 of issuer and subject>``   ``sub`` of the user whom an identity provider knows as that
    ``factors#<subject key>``  what a user has besides a password, with its ``version``, on which each change is
                              conditional; ``totp``, ``recovery_codes``, ``passkeys`` by the hash of their identifiers
    ``membership#<organisation key><subject key>``   a user's part in an organisation; listed by both
    ``invitation#<organisation key and name key>``   an offer of a membership; listed by both as ``invitation#<key>``,
                              and there until it is accepted or withdrawn

Users and organisations are listed by ``listed``: their kind.

Configuration (``id``)
    ``scopes``                the scope catalogue, with its ``version``
    ``theme``                 how the pages look, with its ``version``
    ``idp#<id>``              an identity provider, with its ``version``, on which each write is conditional; listed by
                              ``listed``
    ``domain#<sha256 of the domain>``   ``provider`` of whoever has an e-mail address in it

Tokens (``pk``), every item with ``expires_at``, which is DynamoDB's TTL and which every reader compares as well, but
for cutoffs and revocations, which are true for as long as they are there
    ``authorization#<id>``    an authorization; listed by ``listed_subject``, ``listed_client``, ``listed_organisation``
    ``access_token#<id>``     an opaque access token
    ``revoked#<jti>``         an access token without an authorization that was revoked
    ``initial#<id>``          an initial access token, which lets a client be registered ``remaining`` times
    ``request#<id>``          an authorization request under way
    ``session#<id>``          a browser that is signed in; listed by ``listed_subject``, as ``session#<subject key>``
    ``consent#<subject key><client key>``       what a user has allowed a client, and what they have
                              left out; what is in both is left out
    ``approval#<organisation key><client key><subject key>``   what a member asked an administrator to allow; listed by
                              ``listed_organisation``, as ``approval#<organisation key>``
    ``cutoff#subject#<key>``, ``cutoff#client#<key>``, ``cutoff#organisation#<key>``, and of two of them
    ``cutoff#grant#<subject key><client key>``, ``cutoff#member#<organisation key><subject key>``,
    ``cutoff#installation#<organisation key><client key>``
                              ``not_before``: nothing issued until then stands; ``suspended``: nothing at all does;
                              a subject's has ``sessions_not_before`` too: no session begun until then stands
    ``federation#<id>``       a sign-in under way at an identity provider; ``spent_by`` once its answer was taken
    ``activity#<id>``         what happened to a user's account; listed by ``listed_subject``, as
                              ``activity#<subject key>``, the newest first
    ``mail#<id>``             a link that was sent by mail; ``spent_by`` once it was used
    ``spent#<id>``            something of ours that may be used once was, by the claim ``spent_by``
    ``throttle#<sha256 of a name>#<window>``    ``attempts``, and where pauses are asked for, the time of the last
    ``refusals#<client key>#<day>``   what a client was refused on a day that began then, for its developer: ``refused``
                              times; ``<error> <reason>`` has how often in this way, ``... last_at`` and
                              ``... reference`` the last time

Keys (``kid``)
    ``<ring>``                ``keys``, oldest first, and ``version``, on which each write is conditional

Identifiers are ours, random and in base64url; text from outside becomes part of a key only as a hash, so that no
``#`` in it can forge another key; a ``<key>`` is half of a SHA-256. Everything is read with ConsistentRead, but for the
indexes, which hold keys alone and only list. Seven operations are used, all in `aws.table`: GetItem, BatchGetItem,
PutItem, UpdateItem, DeleteItem, Query for lists, and TransactWriteItems for a user and their login
name or identity, for a provider and its domains, and for what takes an administrator at that instant.
"""

from authserver.aws.dynamodb.browsers import DynamoBrowsers
from authserver.aws.dynamodb.clients import DynamoClients
from authserver.aws.dynamodb.configuration import DynamoConfiguration
from authserver.aws.dynamodb.counters import DynamoCounters
from authserver.aws.dynamodb.factors import DynamoFactors
from authserver.aws.dynamodb.identity_providers import DynamoIdentityProviders
from authserver.aws.dynamodb.journal import DynamoJournal
from authserver.aws.dynamodb.keys import DynamoKeys
from authserver.aws.dynamodb.organisations import DynamoOrganisations
from authserver.aws.dynamodb.tokens import DynamoTokens
from authserver.aws.dynamodb.users import DynamoUsers

__all__ = [
    "DynamoBrowsers",
    "DynamoClients",
    "DynamoConfiguration",
    "DynamoCounters",
    "DynamoFactors",
    "DynamoIdentityProviders",
    "DynamoJournal",
    "DynamoKeys",
    "DynamoOrganisations",
    "DynamoTokens",
    "DynamoUsers",
]
