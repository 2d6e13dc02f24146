"""The resources that operators store: APIs that take our access tokens, and what their routes ask for.

Beside them there are those of the parameters, which need no stored item: the deployment's own and `Resources`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from authserver.ends import Deployment
from authserver.records import dataclass
from authserver.values import normal_uri

RFC9068, PLACEOS = "rfc9068", "placeos"  # the shapes of a JWT access token for a resource


@dataclass(frozen=True, slots=True)
class Resource:
    """An API. `identifier` is what tokens are asked for by (RFC 8707) and `name` what people may be told (RFC 9728);
    `scopes` are those that it knows, and `routes` has what the authorizer asks for, by ``METHOD /path``.
    `token_profile` is the shape of a JWT access token for it alone.
    """

    id: str
    identifier: str
    name: str = ""
    scopes: tuple[str, ...] = ()
    routes: Mapping[str, str] = field(default_factory=dict)
    token_profile: str = RFC9068

    @property
    def is_of_placeos(self) -> bool:
        """Whether its tokens have the shape that the services of PlaceOS decode."""
        return self.token_profile == PLACEOS


@dataclass(frozen=True, slots=True)
class ResourceCatalogue:
    """Every resource that is stored. `version` counts the writes; 0 is that of none.

    `removed` has the identifiers of deleted ones: tokens that were issued for them are refused.
    """

    definitions: tuple[Resource, ...]
    version: int = 0
    removed: tuple[str, ...] = ()
    _by_identifier: Mapping[str, Resource] = field(init=False, repr=False, compare=False)
    _removed: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found = {normal_uri(one.identifier): one for one in self.definitions}
        object.__setattr__(self, "_by_identifier", found)
        object.__setattr__(self, "_removed", frozenset(map(normal_uri, self.removed)))

    def get(self, identifier: str) -> Resource | None:
        """The resource of this identifier, in normal form."""
        return self._by_identifier.get(normal_uri(identifier))

    def identifiers_beside(self, others: Iterable[str]) -> list[str]:
        """The identifiers of all that are stored and are none of these others."""
        known = frozenset(map(normal_uri, others))
        return [one.identifier for form, one in self._by_identifier.items() if form not in known]

    def present(self, audience: tuple[str, ...]) -> tuple[str, ...]:
        """An audience without what was removed."""
        if not self._removed:
            return audience
        return tuple(one for one in audience if normal_uri(one) not in self._removed)


class RememberedResources:
    """The stored resources, remembered by the version that the deployment's item tells."""

    def __init__(self, load: Callable[[], ResourceCatalogue | None], deployment: Callable[[], Deployment]) -> None:
        self._load = load
        self._deployment = deployment
        self._catalogue = ResourceCatalogue(())

    def __call__(self) -> ResourceCatalogue:
        if self._catalogue.version < self._deployment().resources:
            self._catalogue = self._load() or ResourceCatalogue(())
        return self._catalogue
