"""What takes nothing away, and why. Whatever else is asked of this server has a scenario."""

from collections.abc import Mapping

from tests.sweep.estate import OPERATIONS, SCREENS

# Shown to somebody. That none of them writes anything is shown in `test_operations`.
LOOKS = frozenset(
    {
        *(operation.route for operation in OPERATIONS if operation.route.startswith("GET ")),
        *(f"GET {screen.route}" for screen in SCREENS),
    }
)

# Done by the very function that does something else, for which there is a scenario.
ALIKE: Mapping[str, str] = {
    "POST /federate/callback/{provider}": "GET /federate/callback/{provider}",
    "GET /auth/oauth2/callback": "GET /federate/callback/{provider}",
    "POST /auth/oauth2/callback": "GET /federate/callback/{provider}",
    "GET /auth/oauth2/callback/{strategy}": "GET /federate/callback/{provider}",
    "POST /auth/oauth2/callback/{strategy}": "GET /federate/callback/{provider}",
}

GIVES = "somebody has more after it than before"
BEGINS = "something begins, and what was begun before goes on"
TELLS = "it answers a question"
NAMES = "it changes what something is called, or looks like"
REFUSED = "the method is not allowed there"
NOTHING: Mapping[str, str] = {
    # What somebody gets
    "POST /account/organisations/{organisation}/invitations": GIVES,
    "/organisations/{organisation}/invite invite": GIVES,
    "POST /account/api-keys": GIVES,
    "POST /account/organisations/{organisation}/api-keys": GIVES,
    "POST /admin/api-keys": GIVES,
    "/my/api-keys/new make": GIVES,
    "/organisations/{organisation}/api-keys/new make": GIVES,
    "POST /admin/clients": GIVES,
    "POST /admin/identity-providers": GIVES,
    "POST /admin/initial-access-tokens": GIVES,
    "POST /admin/webhooks": GIVES,
    "POST /admin/webhooks/{webhook}/test": TELLS,
    "POST /admin/organisations": GIVES,
    "POST /admin/users": GIVES,
    "POST /admin/users/{sub}/identities": GIVES,
    "POST /partner/apps": GIVES,
    "POST /register": GIVES,
    "PUT /admin/organisations/{organisation}/companies/{company}": GIVES,
    "/developer/apps/new register": GIVES,
    "/developer/playground add_callback": "a test app has another redirect URI",
    "/my/security/app begin": "the secret of an app that is not confirmed yet is not asked for at a sign-in",
    "/my/security/passkeys add": GIVES,
    # What is fetched
    "function documents": "it keeps what clients say of themselves",
    "PATCH /admin/client-documents/{client_id}": (
        "one write of ends, `block_client`, which the contract suite kills; the estate has no such client"
    ),
    # What begins
    "GET /authorize": BEGINS,
    "POST /authorize": BEGINS,
    "GET /consent": "what was allowed before is allowed again, without another question",
    "GET /federate": BEGINS,
    "POST /federate": BEGINS,
    "POST /device_authorization": BEGINS,
    "GET /device": BEGINS,
    "POST /device": "a device that no user has allowed anything gets a refusal",
    "POST /recover": "a link is ordered; one that was mailed before is good as well",
    "POST /admin/keys/rotation": "a new key is published; one is dropped once nothing that it made can be alive",
    "function rotate_keys": "likewise",
    "function canary": "it gives the client that is its own a secret, and asks for a token",
    "function publish": TELLS,
    "function seal": "it chains the events of the audit, which license nothing",
    "function mail": "a link is made, the same one for the same order",
    # What applications are told
    "/organisations/{organisation}/members/{sub} groups": "groups mean nothing here; they are one write",
    # What is called something else
    "PATCH /account/profile": NAMES,
    "/my/profile rename": NAMES,
    "/my/security/passkeys rename": NAMES,
    "PUT /admin/theme": NAMES,
    "DELETE /admin/theme": NAMES,
    # What is told
    "GET /.well-known/jwks.json": TELLS,
    "GET /.well-known/oauth-authorization-server": TELLS,
    "GET /.well-known/oauth-authorization-server/{path+}": TELLS,
    "GET /.well-known/oauth-protected-resource": TELLS,
    "GET /.well-known/oauth-protected-resource/{path+}": TELLS,
    "GET /resource-metadata": TELLS,
    "GET /.well-known/openid-configuration": TELLS,
    "GET /openapi.json": TELLS,
    "GET /auth/authority": TELLS,
    "GET /auth/login": BEGINS,
    "GET /auth/oauth/token/info": TELLS,
    "GET /auth/token/info": TELLS,
    "GET /auth/signin": REFUSED,
    "GET /.well-known/webfinger": TELLS,
    "GET /login": TELLS,
    "GET /login/code": TELLS,
    "GET /recover": TELLS,
    "GET /recover/{link}": "a link is used by the form that it leads to, and not by opening it",
    "GET /verify/{link}": "likewise",
    "GET /introspect": TELLS,
    "GET /{version}/introspect": TELLS,
    "POST /{version}/introspect": TELLS,
    "POST /introspect": TELLS,
    "GET /userinfo": TELLS,
    "POST /userinfo": TELLS,
    "GET /register/{client_id}": TELLS,
    "/developer/playground decode": TELLS,
    "/my/export download": TELLS,
    "function authorizer": TELLS,
    # An example of somebody's own API, which keeps nothing
    "GET /items": TELLS,
    "POST /items": TELLS,
    "GET /me": TELLS,
    # 405
    "GET /login/passkey": REFUSED,
    "GET /register": REFUSED,
    "PUT /register": REFUSED,
    "DELETE /register": REFUSED,
    "POST /register/{client_id}": REFUSED,
}
