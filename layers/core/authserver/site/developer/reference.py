"""What every developer needs to know of this server: its addresses, and the scopes that there are."""

from authserver.endpoints.machines.metadata import server_metadata
from authserver.marks import N_
from authserver.messages.site import View, Visit
from authserver.services import Services
from authserver.site import Screen, Visitor
from authserver.site.developer.form import offered_scopes

ENDPOINTS = (
    ("issuer", N_("Issuer"), N_("Libraries for OpenID Connect take it, and find the rest themselves.")),
    ("authorization_endpoint", N_("Authorization"), N_("Where your app sends people.")),
    ("token_endpoint", N_("Token"), N_("Where your app exchanges codes and refresh tokens.")),
    ("userinfo_endpoint", N_("Userinfo"), N_("Who the person is, for an access token with the scope openid.")),
    ("introspection_endpoint", N_("Introspection"), N_("What a token is, and whether it still stands.")),
    ("revocation_endpoint", N_("Revocation"), N_("Ends a token.")),
    ("jwks_uri", N_("Keys"), N_("The public keys that tokens are signed with.")),
    ("registration_endpoint", N_("Registration"), N_("Where clients register themselves.")),
)
DISCOVERY = (
    ("openid-configuration", N_("OpenID Connect Discovery")),
    ("oauth-authorization-server", N_("OAuth 2 metadata (RFC 8414)")),
)


def show_scopes(visitor: Visitor, visit: Visit, services: Services) -> View:
    """Every scope that there is to ask for."""
    return View("developer/scopes", {"here": "developer/scopes", "groups": offered_scopes(services.scopes())})


def show_endpoints(visitor: Visitor, visit: Visit, services: Services) -> View:
    """Where to find what, as the metadata tells it."""
    metadata = server_metadata(services).content
    return View(
        "developer/endpoints",
        {
            "here": "developer/endpoints",
            "endpoints": [(name, metadata[name], *words) for name, *words in ENDPOINTS if name in metadata],
            "discovery": [(f"{services.settings.issuer}/.well-known/{name}", label) for name, label in DISCOVERY],
            "resources": services.known_resources,
        },
    )


SCREENS = (Screen("/developer/scopes", show_scopes), Screen("/developer/endpoints", show_endpoints))
