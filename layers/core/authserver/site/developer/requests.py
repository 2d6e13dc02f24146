"""The requests that the playground shows: as a form that the browser sends, and as a line for a shell."""

from collections.abc import Mapping
from shlex import quote
from typing import Any
from urllib.parse import quote_plus

from authserver.marks import N_
from authserver.records import dataclass

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
BEARER = "bearer"
PARAMETERS = {
    "response_type": N_("What is asked for: a code, to be exchanged for tokens, or the tokens themselves."),
    "client_id": N_("Which app asks."),
    "client_secret": N_("Proves that it is your app. Sent to this endpoint and kept nowhere."),
    "client_assertion": N_("Proves that it is your app: signed with its key, new for each request."),
    "client_assertion_type": N_("What kind of proof that is."),
    "redirect_uri": N_("Where the answer goes: one of the app's, letter by letter."),
    "scope": N_("What the app asks for."),
    "state": N_("Comes back as it was sent, so that your app knows its own request again."),
    "nonce": N_("Comes back in the ID token, so that another one cannot be put in."),
    "code_challenge": N_("The hash of a secret that only the sender of this request has (PKCE)."),
    "code_challenge_method": N_("How the hash is made."),
    "grant_type": N_("What is exchanged for tokens."),
    "code": N_("The authorization code. It works once, and for a short time."),
    "code_verifier": N_("The secret whose hash was sent in the first step (PKCE)."),
    "refresh_token": N_("The newest refresh token. Each works once, and gives the next."),
    "token": N_("The token that this is about."),
    "iss": N_("Who answers. Your app compares it with the issuer that it asked."),
    "error": N_("Why the answer is no."),
    "error_description": N_("The same in words, for developers."),
    "access_token": N_("Opens the APIs that it is for to anyone who has it."),
    "id_token": N_("Says who signed in, to your app alone."),
    "token_type": N_("How the access token is sent."),
    "expires_in": N_("For how many seconds the access token works."),
}

type App = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the browser sends: where to, its form, and the same as a line for a shell.

    `method` is how the app authenticates at the endpoint; `BEARER` is a request that an access token authenticates.
    """

    name: str
    address: str
    form: Mapping[str, str]
    method: str
    curl: str


def with_credentials(name: str, address: str, app: App, form: Mapping[str, str]) -> Request:
    """A request by which the app says who it is, as it is registered for: RFC 6749 section 2.3.1."""
    return Request(name, address, form, app["token_endpoint_auth_method"], _line(address, app, form))


def with_token(name: str, address: str) -> Request:
    """A request with the access token in its header: RFC 6750 section 2.1."""
    line = f"curl {quote(address)} -H 'Authorization: Bearer ACCESS_TOKEN'"
    return Request(name, address, {}, BEARER, line)


def with_password(address: str, app: App) -> str:
    """A line alone: RFC 6749 section 4.3.2. The password is asked for, and in no command's arguments nor history."""
    form = {"grant_type": "password", "username": "", "scope": app["scope"]}
    line = _line(address, app, form)
    return f'read -rs PASSWORD; printf %s "$PASSWORD" |\n{line} \\\n  --data-urlencode password@-'


def _line(address: str, app: App, form: Mapping[str, str]) -> str:
    """What a shell takes; what only the developer knows is in capitals."""
    method = app["token_endpoint_auth_method"]
    shown = {name: value or name.upper() for name, value in form.items()}
    line = ["curl", quote(address)]
    if method == "private_key_jwt":
        shown |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "CLIENT_ASSERTION"}
    elif method == "client_secret_basic":
        line += ["-u", quote(f"{quote_plus(app['client_id'])}:CLIENT_SECRET")]
    else:
        shown["client_id"] = app["client_id"]
        shown |= {"client_secret": "CLIENT_SECRET"} if method == "client_secret_post" else {}
    fields = [f"--data-urlencode {quote(f'{name}={value}')}" for name, value in shown.items()]
    return " \\\n  ".join([" ".join(line), *fields])
