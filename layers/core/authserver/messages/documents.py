"""Orders to fetch what belongs to a client, from function to function."""

from authserver.records import dataclass


@dataclass(frozen=True, slots=True)
class DocumentOrder:
    """The metadata document of the client whose identifier is its address; or with a `key_set`, what is there.

    `anew`: although what was fetched before is fresh, unless that was less than a minute ago. `source` is the address
    that the request came from for which it is ordered, empty where that is not known.
    """

    client_id: str
    key_set: str = ""
    anew: bool = False
    source: str = ""
