"""The scope catalogue: what each scope lets a client do, in the user's words, and which scopes it implies.

One place for consent, metadata, registration and the authorizer. Until an operator stores a catalogue of their own,
the `DEFAULT` one holds.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Protocol, Self

from authserver.ends import Deployment
from authserver.marks import N_
from authserver.records import dataclass
from authserver.values import Scope

# Who may grant a scope: any user; an administrator of the organisation it is granted for; an operator of this server.
ANYONE, ADMINISTRATOR, OPERATOR = "anyone", "administrator", "operator"
GRANTABLE_BY = (ANYONE, ADMINISTRATOR, OPERATOR)


# Where a claim goes: a client's ID tokens, userinfo, and access tokens, which their resource servers read.
ID_TOKEN, USERINFO, ACCESS_TOKEN = "id_token", "userinfo", "access_token"
# In place of an attribute: the user's role and groups in the organisation that a token is for.
ROLE, GROUPS = "organisation.role", "organisation.groups"


@dataclass(frozen=True, slots=True)
class ClaimDefinition:
    """A claim that a scope tells: of which `attribute` of the user (or `ROLE` or `GROUPS`), of which type, where.

    Whose attribute is not of the type has no such claim.
    """

    name: str
    attribute: str
    type: str = "string"
    places: tuple[str, ...] = (ID_TOKEN, USERINFO)


@dataclass(frozen=True, slots=True)
class ScopeDefinition:
    """A scope. `implies` names the scopes it includes; `group` is the heading under which people see it; `claims` are
    what it tells of the user beside those that OpenID Connect defines; `api_keys` tells whether API keys may have
    it."""

    name: str
    description: str
    implies: tuple[str, ...] = ()
    sensitive: bool = False
    grantable_by: str = ANYONE
    advertised: bool = True
    group: str = ""
    claims: tuple[ClaimDefinition, ...] = ()
    api_keys: bool = False


@dataclass(frozen=True, slots=True)
class ScopeCatalogue:
    """Every scope that this server knows. `version` counts the writes; 0 is the default, which was never written.

    `removed` has those that there were, as they were: what was granted by such a name never comes to mean anything
    else. Each check of a token asks, so the scopes are found by their names, and whose word each takes is remembered.
    """

    definitions: tuple[ScopeDefinition, ...]
    version: int = 0
    removed: tuple[ScopeDefinition, ...] = ()
    _known: Mapping[str, ScopeDefinition] = field(init=False, repr=False, compare=False)
    _described: Mapping[str, ScopeDefinition] = field(init=False, repr=False, compare=False)
    _words: dict[str, frozenset[str]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        known = {definition.name: definition for definition in self.definitions}
        object.__setattr__(self, "_known", known)
        object.__setattr__(self, "_described", {definition.name: definition for definition in self.removed} | known)

    @classmethod
    def of(
        cls, definitions: Iterable[ScopeDefinition], version: int = 0, removed: Iterable[ScopeDefinition] = ()
    ) -> Self:
        """The catalogue of these scopes. Raises `ValueError` on a name that is none, is there twice or is not there."""
        catalogue = cls(tuple(definitions), version, tuple(removed))
        names = [definition.name for definition in catalogue.definitions]
        if len(set(names)) != len(names):
            raise ValueError("a scope is defined twice")
        for definition in catalogue.definitions:
            if Scope.parse(definition.name).tokens != (definition.name,):
                raise ValueError("the name of a scope is empty or has a space")
            if definition.grantable_by not in GRANTABLE_BY:
                raise ValueError(f"grantable_by must be one of {', '.join(GRANTABLE_BY)}")
            if not set(definition.implies) <= set(names):
                raise ValueError("a scope implies one that is not defined")
        return catalogue

    def get(self, name: str) -> ScopeDefinition | None:
        """The scope of this name."""
        return self._known.get(name)

    @property
    def telling(self) -> tuple[ScopeDefinition, ...]:
        """The scopes that tell claims."""
        return tuple(definition for definition in self.definitions if definition.claims)

    def claims_told(self, scope: Scope) -> tuple[ClaimDefinition, ...]:
        """The claims that the scope tells, by name or by implication, beside those of OpenID Connect."""
        telling = self.telling
        if not telling:
            return ()
        given = self.expand(scope)
        return tuple({claim.name: claim for one in telling if one.name in given for claim in one.claims}.values())

    def with_built_in(self) -> "ScopeCatalogue":
        """The same catalogue with this server's own scopes as they are now, whatever it says of them.

        An operator's own `offline_access` stays what it is: it may imply more, or need an administrator's permission.
        """
        own = {definition.name: definition for definition in (*OPENID[:1], *MANAGEMENT)}
        known = {name: own.get(name, definition) for name, definition in self._known.items()}
        offered = known if OFFLINE_ACCESS in known else {**known, OFFLINE_ACCESS: OFFLINE}
        return ScopeCatalogue(tuple((offered | own).values()), self.version, self.removed)

    def describe(self, scope: Scope) -> tuple[ScopeDefinition, ...]:
        """The definitions of these scopes; one that was removed is described as it was, and one that never was by its
        name."""
        return tuple(self._described.get(name) or ScopeDefinition(name, name) for name in scope)

    def present(self, scope: Scope) -> Scope:
        """The scope without what was removed, which is not granted even to clients that are registered for it."""
        if not self.removed:
            return scope
        return Scope(tuple(name for name in scope if name in self._known or name not in self._described))

    def expand(self, scope: Scope) -> Scope:
        """The scope and all that it implies."""
        found, waiting = dict.fromkeys(scope), list(scope)
        while waiting:
            definition = self.get(waiting.pop())
            new = [name for name in definition.implies if name not in found] if definition else []
            found |= dict.fromkeys(new)
            waiting += new
        return Scope(tuple(found))

    def grantable_by(self, scope: Scope) -> frozenset[str]:
        """All who have to grant the scope and what it implies, but for anyone's."""
        nobodys: frozenset[str] = frozenset()
        return nobodys.union(*map(self.words_for, scope))

    def words_for(self, name: str) -> frozenset[str]:
        """The same for one scope; remembered for existing scopes, of which there is a bounded number."""
        words = self._words.get(name)
        if words is None:
            described = self.describe(self.expand(Scope((name,))))
            words = frozenset(definition.grantable_by for definition in described) - {ANYONE}
            if name in self._known:
                self._words[name] = words
        return words

    def for_api_keys(self, scope: Scope) -> Scope:
        """What of the scope API keys may have: what is there and allowed them with all that it implies."""
        return Scope(tuple(name for name in scope if self._is_for_api_keys(name)))

    def _is_for_api_keys(self, name: str) -> bool:
        definitions = map(self._known.get, self.expand(Scope((name,))))
        return all(definition is not None and definition.api_keys for definition in definitions)

    def beyond(self, scope: Scope) -> tuple[ScopeDefinition, ...]:
        """What any user may grant and the scope does not give, not even in part; what weighs most comes first.

        Nothing is said of a scope that reaches this server's own APIs, which know much of a user, or that no operator
        has described: what it gives may go by other names as well.
        """
        given = self.expand(scope)
        if given & OF_OUR_APIS or any(self.get(name) is None for name in given):
            return ()
        groups = {definition.group for definition in self.describe(given)}
        offered = [one for one in self.definitions if one.advertised and one.grantable_by == ANYONE]
        unsaid = ("openid", OFFLINE_ACCESS)  # what kind of request it is, and what many a client has without it
        apart = [one for one in offered if one.name not in unsaid and not self.expand(Scope((one.name,))) & given]
        return tuple(sorted(apart, key=lambda one: (not one.sensitive, one.group not in groups)))

    @property
    def advertised(self) -> list[str]:
        """The names that the server's metadata tells."""
        return [definition.name for definition in self.definitions if definition.advertised]

    @property
    def for_every_client(self) -> Scope:
        """What no client has to be registered for: `offline_access`, unless an operator made more of it."""
        offline = self.get(OFFLINE_ACCESS)
        is_plain = offline is not None and offline.grantable_by == ANYONE and not offline.implies and not offline.claims
        return FOR_OFFLINE_ACCESS if is_plain else Scope()

    @property
    def of_resources(self) -> list[str]:
        """The same without what is no resource's: who the user is, and `offline_access`, are this server's to tell.

        Clients ask for all that a resource's document names, so that nothing needless stands there.
        """
        return [name for name in self.advertised if name not in ("openid", *OF_A_USER, OFFLINE_ACCESS)]


class Scopes(Protocol):
    """Gives the catalogue, as the deployment's item says that it is."""

    def __call__(self) -> ScopeCatalogue: ...


def covered(wanted: Scope, granted: Scope, scopes: Scopes) -> Scope:
    """What of `wanted` is granted, by name or by implication, and was not removed since."""
    catalogue = scopes()
    present = catalogue.present(wanted)
    return present if present <= granted else present & catalogue.expand(granted)


class RememberedScopes:
    """The stored catalogue, or the default one, remembered by the version that the deployment's item tells."""

    def __init__(self, load: Callable[[], ScopeCatalogue | None], deployment: Callable[[], Deployment]) -> None:
        self._load = load
        self._deployment = deployment
        self._catalogue = DEFAULT.with_built_in()

    def __call__(self) -> ScopeCatalogue:
        version = self._deployment().catalogue
        if self._catalogue.version < version:
            # Of an older version still while a change is half to be seen, or since a table was restored from a backup:
            # then it is what there is, and is read again the next time.
            self._catalogue = (self._load() or DEFAULT).with_built_in()
        return self._catalogue


# ------------------------------------------------------------------ the default


def _management(name: str, both: str, read: str, write: str, grantable_by: str) -> tuple[ScopeDefinition, ...]:
    """A scope of one of this server's own APIs, with its two halves."""

    def define(name: str, description: str, implies: tuple[str, ...] = ()) -> ScopeDefinition:
        return ScopeDefinition(
            name,
            description,
            implies,
            sensitive=True,
            grantable_by=grantable_by,
            advertised=False,
            group=N_("This service"),
        )

    halves = (define(f"{name}.read", read), define(f"{name}.write", write))
    return (define(name, both, tuple(half.name for half in halves)), *halves)


OPENID = (
    ScopeDefinition("openid", N_("Know who you are: an identifier of your account here"), group=N_("Your identity")),
    ScopeDefinition("profile", N_("See your name, username and the rest of your profile"), group=N_("Your identity")),
    ScopeDefinition("email", N_("See your email address"), group=N_("Your identity")),
    ScopeDefinition("address", N_("See your postal address"), group=N_("Your identity")),
    ScopeDefinition("phone", N_("See your phone number"), group=N_("Your identity")),
)
# What asks for a refresh token (OpenID Connect Core section 11). No client has to be registered for it: whether it may
# have refresh tokens, its grant types say.
OFFLINE_ACCESS = "offline_access"
OFFLINE = ScopeDefinition(OFFLINE_ACCESS, N_("Stay connected while you are not using it"), group=N_("This service"))
FOR_OFFLINE_ACCESS = Scope((OFFLINE_ACCESS,))
OF_A_USER = tuple(definition.name for definition in OPENID[1:])  # OpenID Connect Core section 5.4
# The scopes of this server's own APIs: an operator's catalogue has them whether or not it names them.
MANAGEMENT = (
    *_management(
        "account",
        N_("See and change your profile, connected apps and sessions"),
        N_("See your profile, connected apps and sessions"),
        N_("Change your profile, connected apps and sessions"),
        ANYONE,
    ),
    *_management(
        "organisation",
        N_("Manage your organisation: its members and invitations, its connected apps, what members ask for"),
        N_("See your organisations, their members, the apps connected to them, and what members asked for"),
        N_("Invite and remove members of your organisation, connect and disconnect its apps, answer requests"),
        ANYONE,
    ),
    *_management(
        "partner",
        N_("See and change the apps that you have registered"),
        N_("See the apps that you have registered"),
        N_("Change the apps that you have registered"),
        ANYONE,
    ),
    *_management(
        "admin:clients",
        N_("See and change all apps"),
        N_("See all apps"),
        N_("Change all apps"),
        OPERATOR,
    ),
    *_management(
        "admin:users",
        N_("See and change all users"),
        N_("See all users"),
        N_("Change all users"),
        OPERATOR,
    ),
    *_management(
        "admin:orgs",
        N_("See and change all organisations"),
        N_("See all organisations"),
        N_("Change all organisations"),
        OPERATOR,
    ),
    *_management(
        "admin:scopes",
        N_("See and change the scope catalogue"),
        N_("See the scope catalogue"),
        N_("Change the scope catalogue"),
        OPERATOR,
    ),
    *_management(
        "admin:resources",
        N_("See and change all resources"),
        N_("See all resources"),
        N_("Change all resources"),
        OPERATOR,
    ),
    *_management(
        "admin:idps",
        N_("See and change all identity providers"),
        N_("See all identity providers"),
        N_("Change all identity providers"),
        OPERATOR,
    ),
    *_management(
        "admin:webhooks",
        N_("See and change all webhooks"),
        N_("See all webhooks"),
        N_("Change all webhooks"),
        OPERATOR,
    ),
    *_management(
        "admin:grants",
        N_("See and change everything granted to apps"),
        N_("See everything granted to apps"),
        N_("Change everything granted to apps"),
        OPERATOR,
    ),
    *_management(
        "admin:keys",
        N_("See and change the keys of this server"),
        N_("See the keys of this server"),
        N_("Change the keys of this server"),
        OPERATOR,
    ),
    *_management(
        "admin:theme",
        N_("See and change how the pages of this server look"),
        N_("See how the pages of this server look"),
        N_("Change how the pages of this server look"),
        OPERATOR,
    ),
    # The audit is read-only: there is no scope to change it.
    ScopeDefinition(
        "admin:audit.read",
        N_("See who did what on this server"),
        sensitive=True,
        grantable_by=OPERATOR,
        advertised=False,
        group=N_("This service"),
    ),
)
OF_OUR_APIS = Scope(tuple(definition.name for definition in MANAGEMENT))
BUILT_IN = frozenset(definition.name for definition in (*OPENID[:1], *MANAGEMENT))
DEFAULT = ScopeCatalogue.of(
    (
        *OPENID,
        OFFLINE,
        ScopeDefinition("read", N_("Read your items"), group=N_("Items")),
        ScopeDefinition("write", N_("Add and change your items"), group=N_("Items")),
        *MANAGEMENT,
    )
)
