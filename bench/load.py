"""How many checks one client, one app and one organisation bear: the reads of each item, counted, in one second.

A second of checks at the authorizer, or of token requests, runs through the real use cases, stores and `Reader`, spread
over function instances that have been running for a while. Beneath is a client that answers from memory and counts the
read units of each key by DynamoDB's documented rules. Nothing is measured and nothing waits: the numbers depend on no
machine, and on chance only where the server draws it, which is seeded here.

One item bears 3,000 strongly consistent read units a second, wherever its partition is. A table that has not split yet
bears some 12,000 in sum; `WarmThroughput` has it split before.
"""

import random
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from authserver.aws.dynamodb.clients import DynamoClients
from authserver.aws.dynamodb.organisations import DynamoOrganisations
from authserver.aws.dynamodb.reader import Reader, Tables
from authserver.aws.dynamodb.tokens import DynamoTokens
from authserver.aws.dynamodb.users import DynamoUsers
from authserver.aws.items.organisations import membership_item
from authserver.endpoints.machines.token import issue_token
from authserver.ends import Begun
from authserver.messages.token import TokenRequest
from authserver.models.clients import Client
from authserver.models.organisations import Membership, Organisation
from authserver.models.tokens import Authorization
from authserver.models.users import User
from authserver.scopes import RememberedScopes
from authserver.services import Services
from authserver.tokens import opaque
from authserver.tokens.presented import check_access_token
from authserver.values import Scope, base64url
from bench.table import render_cells
from tests import fakes
from tests.contract.tables import definitions
from tests.functions.capacity import read_units, size_of

RATE = 50_000  # checks a second, of as many users where there are many
KEY_BEARS = 3000  # strongly consistent read units a second, of one item
PARTS = 16
INSTANCES = 200  # of the function that checks
MEMBERS = 1000  # of one organisation, each with a token
SIGN_UPS = 20_000
TABLES = Tables("ClientsTable", "UsersTable", "TokensTable")
KEYS = {table: definition["KeySchema"][0]["AttributeName"] for table, definition in definitions().items()}
CLIENT = fakes.client(client_id="app", scope=Scope.parse("read"), preferred_subject_type="organisation")
BASIC = "Basic " + b64encode(f"{CLIENT.client_id}:{fakes.CLIENT_SECRET}".encode()).decode()

# A key of a table: the table's name, and the item's.
type Key = tuple[str, str]


class Memory:
    """Implements `service.Service`: keeps what is put, answers from it, and counts the units of what is read."""

    def __init__(self) -> None:
        self.items: dict[Key, Any] = {}
        self.units: dict[Key, int] = {}
        self.read: Counter[Key] = Counter()

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        match operation:
            case "PutItem":
                return self.put_item(arguments)
            case "TransactWriteItems":
                return self._transact(arguments)
            case "BatchGetItem":
                return self._read_together(arguments)
            case "GetItem":
                assert arguments["ConsistentRead"]
                item = self._read((arguments["TableName"], arguments["Key"][KEYS[arguments["TableName"]]]["S"]))
                return {"Item": item} if item else {}
        raise NotImplementedError(operation, arguments)

    def put_item(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        table, item = arguments["TableName"], arguments["Item"]
        key = table, item[KEYS[table]]["S"]
        self.items[key], self.units[key] = item, int(read_units([size_of(item)], consistent=True))
        return {}

    def _transact(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Every condition holds: the code that fills this uses each identifier once."""
        for write in arguments["TransactItems"]:
            match write:
                case {"Put": put}:
                    self.put_item(put)
                case {"ConditionCheck": _} | {"Delete": _}:
                    pass
                case _:
                    raise NotImplementedError(write)
        return {}

    def _read_together(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        found: dict[str, list[Any]] = {}
        for table, wanted in arguments["RequestItems"].items():
            assert wanted["ConsistentRead"]
            keys = [(table, key[KEYS[table]]["S"]) for key in wanted["Keys"]]
            found[table] = [item for key in keys if (item := self._read(key))]
        return {"Responses": found}

    def _read(self, key: Key) -> Any:
        self.read[key] += self.units.get(key, 1)  # one that is not there costs one as well
        return self.items.get(key)


# ------------------------------------------------------------------ who asks, and for what


@dataclass
class Second:
    """A deployment in memory and the second that is looked at. `claims` are what its tokens say, by the tokens."""

    memory: Memory
    instances: tuple[Services, ...]
    claims: dict[str, dict[str, Any]]
    now: float = 0.0

    @classmethod
    def of(cls, seed: str, instances: int) -> "Second":
        """Instances with nothing in their tables yet, whose readers draw chance from one seeded source."""
        second = cls(Memory(), (), {})
        chance = random.Random(seed)  # noqa: S311 - it hides nothing
        second.instances = tuple(second._instance(chance) for _ in range(instances))
        return second

    def _instance(self, chance: random.Random) -> Services:
        dynamodb = self.memory
        reader = Reader(dynamodb, TABLES, lambda: (self.now, self.now), lambda: chance.randrange(PARTS))
        services = fakes.services(
            clients=DynamoClients(dynamodb, TABLES, "ConfigurationTable", reader),
            tokens=DynamoTokens(dynamodb, TABLES, reader),
            deployment=reader.deployment,
        )
        return replace(services, scopes=RememberedScopes(lambda: None, reader.deployment))

    def pass_by(self, count: int, ask: Callable[[Services, int], object]) -> None:
        """So many requests, evenly in the second, each at an instance that is chosen by chance.

        Every instance has had one before, so that it remembers what it will.
        """
        chance = random.Random("instances")  # noqa: S311 - it hides nothing
        with self._signatures_left_out():
            for services in self.instances:
                ask(services, 0)
            self.memory.read.clear()
            for number in range(count):
                self.now = 1 + number / count
                ask(chance.choice(self.instances), number)

    @contextmanager
    def _signatures_left_out(self) -> Iterator[None]:
        """Nothing is signed or verified, which reads nothing: what a token says is known by the token."""
        signed = patch("authserver.tokens.access_token._issue_jwt", lambda *_: "a token")
        with signed, patch("authserver.tokens.presented.read_jwt", lambda presented, _: self.claims[presented]):
            yield

    # -- giving

    def give_client(self, client: Client = CLIENT) -> None:
        assert self.instances[0].clients.create(client)

    def give_token_of_machine(self) -> None:
        """Its only one, with the client's identifier in base64url for an identifier of its own."""
        self.claims["machine"] = self._claims(CLIENT.client_id, jti=base64url(bytes(16)))

    def give_token(self, subject: str, organisation: str = "") -> None:
        """An authorization of the client's, and a token of it."""
        identifier = opaque.authorization_id(opaque.key_of(f"random {subject}"), subject, organisation)
        begun = Begun(membership=f"epoch of {subject}") if organisation else Begun()
        authorization = Authorization(
            id=base64url(identifier),
            client_id=CLIENT.client_id,
            subject=subject,
            scope=CLIENT.scope,
            resource=(fakes.RESOURCE,),
            salt=bytes(16),
            created_at=fakes.START,
            expires_at=fakes.START + 86_400,
            auth_time=fakes.START,
            code_hash=bytes(32),
            code_expires_at=fakes.START + 60,
            generation=1,
            rotated_at=fakes.START,
            organisation=organisation,
            entities=frozenset({"a1", "a2"}) if organisation else frozenset(),
            begun=begun,
        )
        self.instances[0].tokens.create(authorization)
        claims = {"authorization_id": authorization.id} | ({"org": organisation} if organisation else {})
        self.claims[subject] = self._claims(subject, **claims)

    def give_organisation(self, members: Iterable[str]) -> None:
        dynamodb = self.memory
        companies = {f"a{number}": f"Company number {number}" for number in range(20)}
        assert DynamoOrganisations(dynamodb, TABLES).create(Organisation("acme", "Acme", companies))
        for member in members:
            membership = Membership("acme", member, created_at=fakes.START, epoch=f"epoch of {member}")
            dynamodb.put_item({"TableName": TABLES.users, "Item": membership_item(membership)})

    def _claims(self, subject: str, **more: str) -> dict[str, Any]:
        return {
            "client_id": CLIENT.client_id,
            "sub": subject,
            "scope": str(CLIENT.scope),
            "aud": fakes.RESOURCE,
            "jti": base64url(opaque.key_of(subject)),
            "iat": fakes.START,
            "exp": fakes.START + 3600,
            **more,
        }


# ------------------------------------------------------------------ what is looked at


@dataclass(frozen=True)
class Load:
    """A second of requests: what there is before it, and one request, by its number."""

    name: str
    prepare: Callable[[Second], None]
    ask: Callable[[Services, int], object]


def _machine(second: Second) -> None:
    second.give_client()
    second.give_token_of_machine()


def _people(count: int, organisation: str = "") -> Callable[[Second], None]:
    def prepare(second: Second) -> None:
        names = [f"person {number}" for number in range(count)]
        second.give_client()
        if organisation:
            second.give_organisation(names)
        for name in names:
            second.give_token(name, organisation)

    return prepare


def _check(token: Callable[[int], str]) -> Callable[[Services, int], object]:
    return lambda services, number: check_access_token(token(number), services)


def _own_token(services: Services, _number: int) -> object:
    """RFC 6749 section 4.4."""
    form = {"grant_type": "client_credentials"}
    return issue_token(TokenRequest(form, (), BASIC, "client_credentials"), services)


def loads(people: int) -> tuple[Load, ...]:
    """All of them, with so many users of one app."""
    members = min(MEMBERS, people)
    return (
        Load("one machine, one token", _machine, _check(lambda _: "machine")),
        Load("one app's users", _people(people), _check(lambda number: f"person {number * 7919 % people}")),
        Load("one organisation", _people(members, "acme"), _check(lambda number: f"person {number * 7919 % members}")),
        Load("one client's own tokens", _machine, _own_token),
        Load("one user, one token", _people(1), _check(lambda _: "person 0")),
    )


@dataclass(frozen=True)
class Counted:
    """What the items of one kind bear: how many were read, and units a second of all and of the hottest."""

    kind: str
    table: str
    keys: int
    units: float
    hottest: float


def count(load: Load, requests: int, rate: int, instances: int = INSTANCES) -> list[Counted]:
    """The reads of a second at so many requests a second, of which as many are made as there are `requests`.

    The deployment's item is read once a second by each instance, however many requests there are.
    """
    second = Second.of(load.name, instances)
    load.prepare(second)
    second.pass_by(requests, load.ask)
    by_kind: dict[tuple[str, str], list[int]] = {}
    for (table, key), units in second.memory.read.items():
        by_kind.setdefault((kind_of(key), table), []).append(units)
    return [
        Counted(kind, table, len(units), sum(units) * scale, max(units) * scale)
        for (kind, table), units in sorted(by_kind.items())
        for scale in (1 if kind == "deployment" else rate / requests,)
    ]


def kind_of(key: str) -> str:
    """What an item is: ``end#client`` of ``end#client#<key>#<s>``."""
    first, _, rest = key.partition("#")
    return f"{first}#{rest.partition('#')[0]}" if first == "end" else first


# ------------------------------------------------------------------ writes


def concentrations(sign_ups: int) -> dict[str, float]:
    """What share of the writes of an index goes to the hottest value, where one client's users sign up and let it in
    for one organisation."""
    memory = Memory()
    dynamodb = memory
    reader = Reader(dynamodb, TABLES, lambda: (0.0, 0.0), lambda: 0)
    users, tokens = DynamoUsers(dynamodb, TABLES, "ConfigurationTable"), DynamoTokens(dynamodb, TABLES, reader)
    chance = random.Random("sign-ups")  # noqa: S311 - it hides nothing
    template = Authorization(
        id="",
        client_id=CLIENT.client_id,
        subject="",
        scope=CLIENT.scope,
        resource=(),
        salt=bytes(16),
        created_at=fakes.START,
        expires_at=fakes.START,
        auth_time=fakes.START,
        code_hash=bytes(32),
        code_expires_at=fakes.START,
        organisation="acme",
    )
    for _ in range(sign_ups):
        sub = base64url(chance.randbytes(16))
        assert users.create(User(sub, sub, "", created_at=fakes.START))
        identifier = opaque.authorization_id(chance.randbytes(16), sub, "acme")
        tokens.create(replace(template, id=base64url(identifier), subject=sub))
    listed = {"by_client": "listed_client", "by_organisation": "listed_organisation", "by_kind": "listed"}
    return {index: _hottest_share(memory, attribute) for index, attribute in listed.items()}


def _hottest_share(memory: Memory, attribute: str) -> float:
    values = Counter(item[attribute]["S"] for item in memory.items.values() if attribute in item)
    return max(values.values()) / values.total()


def noise(draws: int) -> float:
    """How far above its share of a sixteenth chance may bring the hottest of sixteen: four standard deviations."""
    share = 1 / PARTS
    return float(4 * (share * (1 - share) / draws) ** 0.5)


# ------------------------------------------------------------------ told


HEAD = ("", "units a request", "keys", "units/s", "hottest key", f"of {KEY_BEARS}", "bears requests/s")


def report(requests: int, rate: int, people: int, sign_ups: int = SIGN_UPS) -> str:
    """Everything, as Markdown tables, which also read well as they are."""
    return "\n\n".join([*_tables(requests, rate, people), _indexes(sign_ups)])


def _tables(requests: int, rate: int, people: int) -> Iterator[str]:
    for load in loads(people):
        counted = count(load, requests, rate)
        lines = [f"**{load.name}**, {rate:,} requests a second", "", *_table(HEAD, _rows(counted, rate))]
        yield "\n".join([*lines, "", *_sums(counted)])


def _rows(counted: Iterable[Counted], rate: int) -> list[tuple[str, ...]]:
    return [
        (
            one.kind,
            f"{one.units / rate:.2f}",
            f"{one.keys:,}",
            f"{one.units:,.0f}",
            f"{one.hottest:,.0f}",
            f"{one.hottest / KEY_BEARS:.0%}",
            f"{rate * KEY_BEARS / one.hottest:,.0f}",
        )
        for one in counted
    ]


def _sums(counted: list[Counted]) -> Iterator[str]:
    for table in sorted({one.table for one in counted}):
        units = sum(one.units for one in counted if one.table == table)
        yield f"WarmThroughput of the {table}: {units:,.0f} read units a second."


def _indexes(sign_ups: int) -> str:
    shares = concentrations(sign_ups)
    rows = [(index, f"{share:.2%}", f"{1 / PARTS + noise(sign_ups):.2%}") for index, share in shares.items()]
    head = ("index", "hottest value", "1/16 and chance")
    return "\n".join([f"**{sign_ups:,} sign-ups for one client and one organisation**", "", *_table(head, rows)])


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return render_cells([head, *rows]).splitlines()
