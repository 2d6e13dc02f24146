"""Whether this deployment works, by what one of its clients sees: a token of the issuer, and the ResourceApi taking it.

The client is its own, which its owner says: another one of that name is left alone. Its secret is not stored: each
instance of the function makes another, which ends the one before.
"""

from authserver.management import Problem
from authserver.management.client_records import add_secret, create, existing
from authserver.models.clients import Client
from authserver.ports import Fetcher, FetchFailed
from authserver.services import Services

CLIENT_ID = "canary"
OWNER = "(canary)"  # no subject has this identifier
CLIENT = Client(
    client_id=CLIENT_ID,
    client_name="Canary",
    grant_types=("client_credentials",),
    response_types=(),
    token_endpoint_auth_method="client_secret_post",  # noqa: S106 - its name
    owner=OWNER,
)
OK = "ok"


class Taken(Problem):
    """No answer of an API, but what the canary says of itself."""

    def __init__(self) -> None:
        super().__init__(409, "The client of this name is not the canary's", reason="canary_client_taken")


class Canary:
    """A client that remembers its secret for as long as it lives."""

    def __init__(self) -> None:
        self._secret = ""

    def look(self, issuer: str, resource: str, services: Services) -> str:
        """`OK`, or where it failed and how. Raises `OAuthError` and `Problem` if it gets no secret."""
        fetcher = _fetcher(services)
        try:
            token = self._token(issuer, services)
        except FetchFailed as failure:
            return f"token_{failure.error or failure.status or failure.reason}"
        try:
            told = fetcher.get(f"{resource}/me", bearer=token)
        except FetchFailed as failure:
            return f"resource_{failure.status or failure.reason}"
        return OK if told.get("client_id") == CLIENT_ID else "resource_of_another"

    def _token(self, issuer: str, services: Services) -> str:
        """Raises `FetchFailed`."""
        if self._secret:
            try:
                return self._ask(issuer, services)
            except FetchFailed as failure:
                if failure.status != 401:
                    raise
        self._secret = _new_secret(services)  # for the first time, or since another instance has made one
        return self._ask(issuer, services)

    def _ask(self, issuer: str, services: Services) -> str:
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": self._secret}
        return str(_fetcher(services).post(f"{issuer}/token", form, {}).get("access_token", ""))


def _fetcher(services: Services) -> Fetcher:
    if services.fetcher is None:
        raise RuntimeError("this function was not given a way out")
    return services.fetcher


def _new_secret(services: Services) -> str:
    if services.clients.get(CLIENT_ID) is None:
        _, secret = create(CLIENT, services, repeatable=False)
        return secret or ""
    _, secret = add_secret(lambda: _own(services), 0, services)
    return secret


def _own(services: Services) -> Client:
    """Raises `Taken` if the client of that name is somebody else's, whose secrets would end."""
    client = existing(CLIENT_ID, services)
    if client.owner != OWNER:
        raise Taken
    return client
