"""What PlaceOS's pages ask of the server that signs their users in, and how they send them to it.

`@placeos/ts-client` reads the document before anything else, and decides by it: whether to ask for a token or to have
its user sign in first, and where both is.
"""

from typing import Any
from urllib.parse import urlsplit

from authserver.errors import InvalidToken
from authserver.messages.browser import AuthorityRequest, GoTo, SignInVisit
from authserver.messages.token import Document
from authserver.models.configuration import IdentityProvider
from authserver.services import Services
from authserver.tokens.presented import check_access_token

from .continuation import origin_of, resolve_continue
from .under_way import find_visitor, hold_visit

VERSION = "2.0.0"  # of the API that the client is to take: from 2.0.0 on its paths begin with /api/engine/v2
ACCOUNT = "my"  # where a sign-in without a request leads


def describe_authority(request: AuthorityRequest, services: Services) -> Document:
    """The document: who this is, where to sign in and out, and what is known of the browser and of its token."""
    issuer, name = services.settings.issuer, services.theme().name
    host = urlsplit(issuer).netloc
    members: dict[str, Any] = {
        "id": host,
        "name": name,
        "description": "",
        "domain": host,
        "login_url": f"{issuer}/auth/login?continue={{{{url}}}}",
        "logout_url": f"{issuer}/auth/logout",
        "email_domains": _domains(services),
        "config": {},
        "version": VERSION,
        "production": issuer.startswith("https:"),
        "session": _has_session(request, services),
        "token_valid": _is_valid(request.bearer, services),
    }
    return Document(members)


def begin_sign_in(visit: SignInVisit, services: Services) -> GoTo:
    """To the sign-in page, and from there to where `continue` leads; at once, if the browser is signed in.

    A page of this origin can have its user led to an identity provider without that page. For any other site it has the
    provider's button: a link must not sign anybody in unasked, to an account of the link's author (RFC 9700 section
    4.7). Raises `InvalidRequest` if `continue` may not lead there, before the user types a password.
    """
    page = resolve_continue(visit.continues, services).address if visit.continues else ACCOUNT
    if visit.session is not None and find_visitor(visit.session, services) is not None:
        return GoTo(page)
    provider = _provider_of(visit.strategy, services)
    if provider is None:
        return GoTo("login", *hold_visit(page, services))
    next_page = "federate" if visit.is_own_pages else "login"
    return GoTo(next_page, *hold_visit(page, services, provider=provider.id))


def _provider_of(strategy: str, services: Services) -> IdentityProvider | None:
    """The one that PlaceOS calls so; without a strategy in its path, it is called as it is here. None if several are:
    the person chooses then."""
    found = [one for one in services.listed_providers() if strategy and strategy == (one.strategy or one.id)]
    return found[0] if len(found) == 1 else None


def find_issuer(resource: str, services: Services) -> Document:
    """Which server signs an account in: this one, whatever it is called (OpenID Connect Discovery section 2)."""
    relation = "http://openid.net/specs/connect/1.0/issuer"
    return Document({"subject": resource, "links": [{"rel": relation, "href": services.settings.issuer}]})


def token_info(bearer: str, services: Services) -> Document:
    """What an access token is, for its bearer, in the shape of doorkeeper. Raises `InvalidToken`."""
    token = check_access_token(bearer, services)
    members = {
        "resource_owner_id": token.subject if token.authorization_id else None,
        "scope": list(token.scope),
        "expires_in": token.expires_at - services.now(),
        "application": {"uid": token.client_id},
        "created_at": token.issued_at,
    }
    return Document(members)


def _has_session(request: AuthorityRequest, services: Services) -> bool:
    """Whether the browser is signed in.

    A page of another origin brings no cookie, and is always told that it is: it then asks for a token, and a user who
    is not signed in signs in on the way. Otherwise it would send its user to sign in again and again.
    """
    if request.session is None:
        return request.origin not in ("", origin_of(services.settings.issuer))
    return find_visitor(request.session, services) is not None


def _is_valid(bearer: str, services: Services) -> bool:
    if not bearer:
        return False
    try:
        check_access_token(bearer, services)
    except InvalidToken:
        return False
    return True


def _domains(services: Services) -> list[str]:
    """The identity providers that have a button for every user."""
    return sorted({domain for one in services.listed_providers() if one.shown for domain in one.domains})
