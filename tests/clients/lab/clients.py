"""The clients of the laboratory: each library, how an application of it is registered, and what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WEB_STEPS = ("token", "userinfo", "refresh", "wrong state", "wrong secret")


@dataclass(frozen=True)
class Client:
    """One library and its driver.

    `registered` is how an operator registers its application, None if it registers itself, or has a metadata document
    (`described`). The driver says at least `steps`. A `variant` is the same library, used in another way. `callback` is
    the path of the redirect URI that the library makes.
    """

    package: str
    driver: str
    kind: str
    steps: tuple[str, ...] = WEB_STEPS
    registered: Mapping[str, Any] | None = field(default_factory=dict)
    callback: str = "/callback"
    variant: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    described: bool = False
    remarks: str = ""

    @property
    def name(self) -> str:
        return self.driver.partition(".")[0].replace("_", "-")


# What an operator gives an application that keeps its users signed in.
REGISTERED = {"grant_types": ["authorization_code", "refresh_token"], "scope": "openid profile email read write"}
# What has no page of its own to come back to.
NO_PAGES: dict[str, Any] = {"redirect_uris": [], "post_logout_redirect_uris": []}
DEVICE = {
    **NO_PAGES,
    "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
    "token_endpoint_auth_method": "none",
}
MACHINE = {**NO_PAGES, "grant_types": ["client_credentials"], "scope": "read"}
MCP_STEPS = ("tools", "registration", "token", "refresh")

CLIENTS = (
    Client("openid-client", "openid_client_6.mjs", "server, OpenID Connect", (*WEB_STEPS, "discovery", "revoked")),
    Client(
        "openid-client",
        "openid_client_6.mjs",
        "server, OpenID Connect",
        (*WEB_STEPS, "discovery", "revoked"),
        variant="Basic",
        given={"method": "client_secret_basic"},
        remarks="with `ClientSecretBasic`; by default it sends the secret in the body",
    ),
    Client(
        "openid-client",
        "openid_client_6.mjs",
        "server, OpenID Connect",
        (*WEB_STEPS, "discovery", "revoked"),
        registered={"token_endpoint_auth_method": "private_key_jwt"},
        variant="keys",
        given={"method": "private_key_jwt"},
        remarks="with `PrivateKeyJwt`",
    ),
    Client(
        "openid-client",
        "openid_client_6_device.mjs",
        "without a browser, device grant",
        ("token", "userinfo", "refresh"),
        registered=DEVICE,
        variant="device",
    ),
    Client(
        "openid-client-5",
        "openid_client_5.mjs",
        "server, OpenID Connect",
        (*WEB_STEPS, "discovery", "registration", "revoked"),
        registered=None,
    ),
    Client(
        "oauth4webapi",
        "oauth4webapi.mjs",
        "public client",
        ("discovery", "registration", "token", "userinfo", "refresh", "wrong state", "revoked"),
        registered=None,
    ),
    Client(
        "oauth4webapi",
        "oauth4webapi.mjs",
        "public client",
        ("discovery", "token", "userinfo", "refresh", "wrong state", "revoked"),
        registered=None,
        variant="document",
        described=True,
    ),
    Client(
        "express-openid-connect",
        "express_openid_connect.mjs",
        "web framework (Express)",
        ("token", "userinfo", "refresh", "signed out", "wrong secret"),
        given={"other": True},
        remarks="starts the sign-in again at an answer without a request; signs out by RP-initiated logout",
    ),
    Client(
        "@auth/core",
        "auth_js.mjs",
        "web framework (Auth.js: Next.js, SvelteKit, Express)",
        ("token", "userinfo", "wrong state", "wrong secret"),
        callback="/auth/callback/lab",
    ),
    Client(
        "better-auth",
        "better_auth.mjs",
        "web framework (genericOAuth)",
        ("token", "userinfo", "wrong state", "wrong secret"),
        callback="/api/auth/callback/lab",
        given={"other_callback": "/api/auth/callback/mistaken"},
    ),
    Client("passport-oauth2", "passport_oauth2.mjs", "web framework (Express)", ("token", "userinfo", *WEB_STEPS[3:])),
    Client(
        "arctic",
        "arctic.mjs",
        "server, OAuth 2.0",
        ("token", "userinfo", "refresh", "wrong secret", "revoked"),
        remarks="has no discovery and does not compare `state`: the application does",
    ),
    Client("authlib", "authlib_starlette.py", "web framework (Starlette)", ("token", "userinfo", *WEB_STEPS[3:])),
    Client("google-auth-oauthlib", "google_auth.py", "server, OAuth 2.0"),
    Client("requests-oauth2client", "oauth2client.py", "server, OpenID Connect", (*WEB_STEPS, "discovery", "revoked")),
    Client("social-auth-core", "social_auth.py", "web framework (Django, Flask)"),
    Client(
        "idpyoidc",
        "idpy_oidc.py",
        "server, OpenID Connect",
        (*WEB_STEPS, "registration by itself"),
        remarks="cannot register itself: it reads the `scope` of the answer (RFC 7591 section 3.2.1) as one word, and "
        "refuses an answer with more than one scope; configure `client_id` and `client_secret`",
    ),
    Client("mcp", "mcp_python.py", "MCP", (*MCP_STEPS, "wrong state"), registered=None),
    Client("mcp-1", "mcp_python_1.py", "MCP", (*MCP_STEPS, "wrong state"), registered=None),
    Client("@modelcontextprotocol/sdk", "mcp_sdk_1.mjs", "MCP", (*MCP_STEPS, "wrong verifier"), registered=None),
    Client("@modelcontextprotocol/client", "mcp_sdk_2.mjs", "MCP", (*MCP_STEPS, "wrong verifier"), registered=None),
    *(
        Client(package, driver, "MCP", (*MCP_STEPS, wrong), registered=None, variant="document", described=True)
        for package, driver, wrong in (
            ("mcp", "mcp_python.py", "wrong state"),
            ("mcp-1", "mcp_python_1.py", "wrong state"),
            ("@modelcontextprotocol/sdk", "mcp_sdk_1.mjs", "wrong verifier"),
            ("@modelcontextprotocol/client", "mcp_sdk_2.mjs", "wrong verifier"),
        )
    ),
    Client(
        "mcp-remote",
        "mcp_remote.mjs",
        "MCP, from a program on standard input and output",
        ("signed in", "initialized", "tools"),
        registered=None,
    ),
    Client(
        "mcp-remote",
        "mcp_remote.mjs",
        "MCP, from a program on standard input and output",
        ("signed in", "initialized", "tools"),
        registered=None,
        callback="/oauth/callback",
        variant="document",
        described=True,
    ),
    Client(
        "mcp-remote",
        "mcp_remote.mjs",
        "MCP, without a browser, device grant",
        ("signed in", "initialized", "tools"),
        registered=DEVICE,
        variant="device",
        given={"arguments": ["--device-code"]},
    ),
    Client(
        "mcp-remote",
        "mcp_remote.mjs",
        "MCP, without a user, client credentials",
        ("initialized", "tools"),
        registered=MACHINE,
        variant="machine",
        given={"arguments": ["--client-credentials"]},
        remarks="requests every scope of the resource's document, and gets what it is registered for",
    ),
)
