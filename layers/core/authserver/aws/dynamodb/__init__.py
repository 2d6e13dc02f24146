"""The stores on DynamoDB. This docstring is the schema.

Every item has ``v``, the version of the layout in which it was written last.

Clients (``client_id``)
    A client's RFC 7591 metadata and policy; ``version``, on which each change is conditional and which its end tells as
    well. ``expires_at`` only where an unused registration is to vanish. Listed by ``listed`` (all of them, in sixteen
    parts) and by ``listed_owner``.

Users (``id``)
    ``user#<sub>``            a user, with the keys of the ``identities`` and the ``version`` that the end tells;
                              operators are listed by ``listed_member`` as well, as ``operators``;
                              ``login_address``, the confirmed address that is a login name, in its normal form
    ``login#<sha256 of the normalised name>``   ``sub`` of the user with that login name, a username or a confirmed
                              address; makes it unique among both
    ``organisation#<key>``    an organisation, with its ``companies`` and the ``version`` that its end tells
    ``identity#<sha256 of issuer and subject>``   ``sub`` of the user that an identity provider identifies so; and for
                              people to see ``issuer``, ``subject`` and ``created_at``
    ``factors#<subject key>``  what a user has besides a password, with its ``version``, on which each change is
                              conditional; ``totp``, ``recovery_codes``, ``passkeys`` by the hash of their identifiers
    ``membership#<organisation key><subject key>``   a user's part in an organisation; listed by both. ``epoch`` is
                              random and drawn anew with each role; ``clients`` counts what ended for one client alone;
                              that of an administrator is listed by ``listed``, as ``administrators#<organisation key>``
    ``invitation#<organisation key and name key>``   an offer of a membership; listed by both as ``invitation#<key>``,
                              and by ``listed`` as ``invited#<subject key>`` of its maker; there until it is
                              accepted or withdrawn; ``begun`` under the membership of its maker

Organisations are listed by ``listed``: their kind; users likewise, in sixteen parts.

Configuration (``id``)
    ``scopes``                the scope catalogue, with its ``version``, which the deployment's item tells as well; the
                              scopes that were ``removed``, as they were
    ``resources``             the resources, with their ``version``, which the deployment's item tells as well; the
                              identifiers of those that were ``removed``
    ``theme``                 how the pages look, with its ``version``
    ``webhooks``              the webhooks, each with a ``version`` of its own and its ``secrets``, which are wrapped;
                              the ``version`` of them all, on which each write is conditional
    ``idp#<id>``              an identity provider, with its ``version``, on which each write is conditional; listed by
                              ``listed``
    ``domain#<sha256 of the domain>``   ``provider`` of users with an e-mail address in it
    ``callback#<sha256 of the path>``   ``provider`` of the one that answers there, at a path of another system
    ``logo#<client key>``     the ``logo_uri`` of a client whose logo is in the URI itself
    ``shared#<fingerprint>``  ``client_id`` of the client that every registration of the same metadata gets; what
                              has become of it its record tells

Tokens (``pk``): what ends, and what is begun. Ends have no ``expires_at`` and are never removed.
    ``end#subject#<key>``     a user's ``epoch``; ``sessions``, which counts how often all browsers were signed out;
                              ``api_keys``, which counts how often all API keys were ended;
                              ``grants``, which counts the ends for each client, by its key, and for all of them, by
                              ``*``; ``operator``; ``suspended``
    ``end#client#<key>#<s>``  a client's ``epoch``, ``suspended``, the ``version`` of its record, its ``scope``, and
                              whether it ``acts_for_itself``
    ``end#organisation#<key>#<s>``   an organisation's ``epoch``, ``suspended``, the ``version`` of its record;
                              ``clients``, the epoch for each client; ``approvers``, for each who was an administrator
    ``deployment#<s>``        the ``era``; how often a key was withdrawn (``keys``), the versions of the ``catalogue``
                              and of the ``resources``; what the audit hashes addresses with (``source_key``)
                              ``<s>`` is a hexadecimal digit: sixteen copies, all alike, written in one transaction
    ``traded#<sha256 of a token>``   ``authorization_id``: of what took the place of another system's refresh token
Everything else has ``expires_at``, which is DynamoDB's TTL and which every reader compares as well, and where it is
begun for a subject ``begun``, the epochs that it was begun under (`ends.Begun`)
    ``authorization#<id>``    an authorization; listed by ``listed_subject``, and in sixteen parts by
                              ``listed_client`` and ``listed_organisation``; ``sessions`` until its code is redeemed;
                              ``revoked_for``, why the server revoked it by itself
    ``access_token#<id>``     an opaque access token; ``is_revoked`` once it was; a user's is listed by
                              ``listed_subject``, as ``access_token#<subject key>``
    ``api_key#<id>``          an API key, of which ``used_at`` tells when it was used; listed by ``listed_subject``, by
                              ``listed_client`` or by ``listed_organisation``, as ``api_key#<key>``, and an
                              organisation's by ``listed_subject`` of who carries it as well
    ``revoked#<jti>#<s>``     a JWT access token without an authorization that was revoked; outlives it
    ``device#<half of the SHA-256 of a user code>``   a device that waits for its user; ``answer`` is the authorization
                              that it was given, or ``denied``; ``interval``, which grows where it polls too often
    ``initial#<id>``          an initial access token, which lets a client be registered ``remaining`` times; listed by
                              ``listed_subject``, as ``initial``
    ``request#<id>``          an authorization request under way
    ``session#<id>``          a browser that is signed in; listed by ``listed_subject``, as ``session#<subject key>``
    ``consent#<subject key><client key>``       what a user has allowed a client, and what they have left
                              out; what is in both is left out; listed by ``listed_subject``, as
                              ``consent#<subject key>``
    ``approval#<organisation key><client key><subject key>``   what a member asked an administrator to allow; listed by
                              ``listed_organisation``, as ``approval#<organisation key>``, and in the same way by
                              ``listed_subject`` for the member, and by ``listed_client`` for the administrator who
                              answered
    ``erasure#<subject key>``  what a user's deletion leaves to be done: the ``subject``, until it is done, and the
                              kinds that are ``left``; ``expires_at`` from then on; listed by ``listed_subject``, as
                              ``erasure#open`` or ``erasure#done``; an organisation's is
                              ``erasure#organisation#<organisation key>``, with the ``organisation``
    ``federation#<id>``       a sign-in under way at an identity provider; ``spent_by`` once its answer was taken
    ``activity#<id>``         what happened to a user's account; listed by ``listed_subject``, as
                              ``activity#<subject key>``, the newest first
    ``mail#<id>``             a link that was sent by mail; ``spent_by`` once it was used or taken back; listed by
                              ``listed_subject``, as ``mail#<subject key>``
    ``spent#<id>``            something of ours that may be used once was, by the claim ``spent_by``; outlives it
    ``throttle#<sha256 of a name>#<window>``    ``attempts``, and where pauses are asked for, the time of the last; and
                              of each member of a group who has any, ``n<hash>`` attempts, the last ``t<hash>``;
                              ``throttle#documents#...`` where documents of clients are counted
    ``document#client#<client key>``   the metadata document of the client whose identifier is its ``uri``: the
                              ``client`` that was made of it, what is said of when it was fetched, and the last
                              ``error``; listed by ``listed_subject``, as ``document``, once it was good
    ``document#keys#<client key>``    the same of the key set of a client, from ``uri``: ``jwks``
    ``refusals#<client key>#<day>``   what a client was refused on a day that began then, for its developer: ``refused``
                              times; ``<error> <reason>`` has how often in this way, ``... last_at`` and
                              ``... reference`` the last time

Keys (``kid``)
    ``<ring>``                ``keys``, oldest first, and ``version``, on which each write is conditional

Audit (``id``)
    ``event#<id>``            an event of the audit: a UUIDv7, immutable; listed by ``listed``, under its day and a part
                              (`items.primary_keys.audit_day`), by ``listed_actor`` and by ``listed_object``
    ``link#<shard>#<day>#<number>``   a link of the chain that seals events (`models.chain`), with their digests
    ``head#<shard>``          the last link of a shard, and the only item of the chain that changes
    ``head#<shard>#<day>``    that of a day that is over, which stays
    ``sealed#<event id>``     ``shard``, ``day`` and ``number`` of the link that has the event: there is but one

Identifiers are ours, random and in base64url; text from outside becomes part of a key only as a hash, so that no
``#`` in it can forge another key; a ``<key>`` is half of a SHA-256. Everything is read with ConsistentRead, but for the
indexes, which hold keys alone and only list. Seven operations are used, all in `aws.table`: GetItem, BatchGetItem,
PutItem, UpdateItem, DeleteItem, Query for lists, and TransactWriteItems for whatever is true of two items or more.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from authserver.aws.later import Later
from authserver.aws.table import UNGUARDED, Guard
from authserver.records import dataclass

if TYPE_CHECKING:
    from authserver.aws.dynamodb.reader import Reader, Tables
    from authserver.aws.service import Service
    from authserver.aws.table import Noting
    from authserver.storage.audit import Note


@dataclass(frozen=True, slots=True)
class DynamoStores:
    """Makes the stores. Each is imported by what makes it, so that a function imports those alone that it uses."""

    dynamodb: Service
    tables: Tables
    configuration_table: str
    keys_table: str
    audit_table: str
    reader: Reader

    def guarded(self, guard: Guard = UNGUARDED, at_once: tuple[str, ...] = ()) -> dict[str, Any]:
        """Those of what a session may decide, by their names among `services.Services`: made when they are first used,
        but for `at_once`. With a guard, they write only while its conditions hold."""
        stores: dict[str, Any] = {name: Later(partial(make, self, guard)) for name, make in GUARDED.items()}
        return stores | {name: GUARDED[name](self, guard) for name in at_once}

    def clients(self, guard: Guard) -> Any:
        from authserver.aws.dynamodb.clients import DynamoClients

        return DynamoClients(self.dynamodb, self.tables, self.configuration_table, self.reader, guard)

    def users(self, guard: Guard) -> Any:
        from authserver.aws.dynamodb.users import DynamoUsers

        return DynamoUsers(self.dynamodb, self.tables, self.configuration_table, guard)

    def factors(self, guard: Guard) -> Any:
        from authserver.aws.dynamodb.factors import DynamoFactors

        return DynamoFactors(self.dynamodb, self.tables.users, guard)

    def organisations(self, guard: Guard) -> Any:
        from authserver.aws.dynamodb.organisations import DynamoOrganisations

        return DynamoOrganisations(self.dynamodb, self.tables, guard)

    def tokens(self, guard: Guard) -> Any:
        from authserver.aws.dynamodb.tokens import DynamoTokens

        return DynamoTokens(self.dynamodb, self.tables, self.reader, guard)

    def browsers(self, guard: Guard) -> Any:
        from authserver.aws.dynamodb.browsers import DynamoBrowsers

        return DynamoBrowsers(self.dynamodb, self.tables, self.configuration_table, self.reader, guard)

    def revocations(self, guard: Guard) -> Any:
        from authserver.aws.dynamodb.revocations import DynamoRevocations

        return DynamoRevocations(self.dynamodb, self.tables, guard)

    def api_keys(self, guard: Guard) -> Any:
        from authserver.aws.dynamodb.api_keys import DynamoApiKeys

        return DynamoApiKeys(self.dynamodb, self.tables, self.reader, guard)

    def withdrawals(self, guard: Guard) -> Any:
        from authserver.aws.dynamodb.withdrawals import DynamoWithdrawals

        return DynamoWithdrawals(self.dynamodb, self.tables, self.configuration_table, self.keys_table, guard)

    def identity_providers(self, guard: Guard) -> Any:
        from authserver.aws.dynamodb.identity_providers import DynamoIdentityProviders

        return DynamoIdentityProviders(self.dynamodb, self.configuration_table, self.tables.users, guard)

    def journal(self) -> Any:
        from authserver.aws.dynamodb.journal import DynamoJournal

        return DynamoJournal(self.dynamodb, self.tables.tokens)

    def counters(self) -> Any:
        from authserver.aws.dynamodb.counters import DynamoCounters

        return DynamoCounters(self.dynamodb, self.tables.tokens)

    def erasures(self) -> Any:
        from authserver.aws.dynamodb.erasures import DynamoErasures

        return DynamoErasures(self.dynamodb, self.tables.tokens, self.tables.users)

    def documents(self) -> Any:
        from authserver.aws.dynamodb.documents import DynamoDocuments

        return DynamoDocuments(self.dynamodb, self.tables.tokens)

    def configuration(self, guard: Guard) -> Any:
        from authserver.aws.dynamodb.configuration import DynamoConfiguration

        return DynamoConfiguration(self.dynamodb, self.configuration_table, guard)

    def audit(self) -> Any:
        from authserver.aws.dynamodb.audit import DynamoAudit

        return DynamoAudit(self.dynamodb, self.audit_table, self.tables.tokens)

    def chain(self) -> Any:
        from authserver.aws.dynamodb.chain import DynamoChain

        return DynamoChain(self.dynamodb, self.audit_table)

    def noting(self, note: Note | None) -> Noting | None:
        """How a write brings a note's event along."""
        if note is None:
            return None
        from authserver.aws.dynamodb.audit import NotedEvent

        return NotedEvent(note, self.audit_table)


GUARDED = {
    "clients": DynamoStores.clients,
    "users": DynamoStores.users,
    "factors": DynamoStores.factors,
    "organisations": DynamoStores.organisations,
    "tokens": DynamoStores.tokens,
    "browsers": DynamoStores.browsers,
    "revocations": DynamoStores.revocations,
    "api_keys": DynamoStores.api_keys,
    "withdrawals": DynamoStores.withdrawals,
    "identity_providers": DynamoStores.identity_providers,
    "configuration": DynamoStores.configuration,
}
LATER = ("api_keys", "configuration")  # which most deployments have none of, and which few functions ask at once
AT_ONCE = tuple(name for name in GUARDED if name not in LATER)
