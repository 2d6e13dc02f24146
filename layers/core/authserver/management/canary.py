"""Whether this deployment works, by what one of its clients sees: a token of the issuer, and the ResourceApi taking it.

The client is its own, which its owner says: another one of that name is left alone. Its secret is not stored: each
instance of the function makes another, which ends the one before. Both are acts of the server, and in the audit.

The identifier of a client that was deleted is not given again, so the canary has a few, and takes the next one.
"""

from dataclasses import replace

from authserver.identity.audit import by_itself
from authserver.management import Conflict, Problem
from authserver.management.client_records import add_secret, create, existing
from authserver.models.clients import Client
from authserver.ports import Fetcher, FetchFailed
from authserver.services import Services

CLIENT_IDS = ("canary", "canary-2", "canary-3")  # the function's role may write these alone
OWNER = "(canary)"  # no subject has this identifier
CLIENT = Client(
    client_id=CLIENT_IDS[0],
    client_name="Canary",
    grant_types=("client_credentials",),
    response_types=(),
    token_endpoint_auth_method="client_secret_post",  # noqa: S106 - its name
    owner=OWNER,
)
AGAIN = 3600  # seconds after a new secret was refused until another is made
OK = "ok"
REASON = "canary"  # of its acts
ENDED = "client_ended"  # says `create` of a deleted client's identifier


class Taken(Problem):
    """No answer of an API, but what the canary says of itself."""

    def __init__(self) -> None:
        super().__init__(409, "The client of this name is not the canary's", reason="canary_client_taken")


class Canary:
    """A client that remembers its secret for as long as it lives."""

    def __init__(self) -> None:
        self._client_id = self._secret = ""
        self._refused_at = -AGAIN  # a secret that was new

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
        return OK if told.get("client_id") == self._client_id else "resource_of_another"

    def _token(self, issuer: str, services: Services) -> str:
        """Raises `FetchFailed`."""
        if self._secret:
            try:
                return self._ask(issuer, services)
            except FetchFailed as failure:
                if failure.status != 401 or services.now() < self._refused_at + AGAIN:
                    raise
        # For the first time, or since another instance has made one.
        self._client_id, self._secret = _new_secret(services)
        try:
            return self._ask(issuer, services)
        except FetchFailed as failure:
            if failure.status == 401:  # it is disabled, or is another client by now, and each secret is in the audit
                self._refused_at = services.now()
            raise

    def _ask(self, issuer: str, services: Services) -> str:
        form = {"grant_type": "client_credentials", "client_id": self._client_id, "client_secret": self._secret}
        return str(_fetcher(services).post(f"{issuer}/token", form, {}).get("access_token", ""))


def _fetcher(services: Services) -> Fetcher:
    if services.fetcher is None:
        raise RuntimeError("this function was not given a way out")
    return services.fetcher


def _new_secret(services: Services) -> tuple[str, str]:
    """The first of the identifiers that is not a deleted client's, with a new secret of its client.

    Raises `Conflict` if all of them are, and `Taken`.
    """
    *others, last = CLIENT_IDS
    for client_id in others:
        try:
            return client_id, _secret_of(client_id, services)
        except Conflict as conflict:
            if conflict.reason != ENDED:
                raise
    return last, _secret_of(last, services)


def _secret_of(client_id: str, services: Services) -> str:
    if services.clients.get(client_id) is None:
        noting = by_itself(services, "client.created", "client", reason=REASON)
        _, secret = create(replace(CLIENT, client_id=client_id), noting, repeatable=False)
        return secret or ""
    noting = by_itself(services, "client.secret.made", "client", object_id=client_id, reason=REASON)
    _, secret = add_secret(lambda: _own(client_id, services), 0, noting)
    return secret


def _own(client_id: str, services: Services) -> Client:
    """Raises `Taken` if the client of that name is somebody else's, whose secrets would end."""
    client = existing(client_id, services)
    if client.owner != OWNER:
        raise Taken
    return client
