"""idpyoidc, by its guide for relying parties: RPHandler's begin and finalize, with registration by itself."""

from urllib.parse import parse_qsl, urlsplit

from idpyoidc.client.rp_handler import RPHandler
from lab import browse, given, refused, say

PROVIDER = "lab"
CONFIGURATION = {
    "client_type": "oidc",
    "issuer": given["issuer"],
    "redirect_uris": [given["redirect_uri"]],
    "client_name": "An app of idpyoidc",
    "response_types_supported": ["code"],
    "client_authn_methods": ["client_secret_basic", "client_secret_post"],
    "add_ons": {
        "pkce": {
            "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
            "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
        }
    },
    "services": {
        name: {"class": f"idpyoidc.client.oidc.{path}"}
        for name, path in {
            "discovery": "provider_info_discovery.ProviderInfoDiscovery",
            "registration": "registration.Registration",
            "authorization": "authorization.Authorization",
            "access_token": "access_token.AccessToken",
            "refresh_access_token": "refresh_access_token.RefreshAccessToken",
            "userinfo": "userinfo.UserInfo",
        }.items()
    },
    "preference": {
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
    },
}


def handler_of(**more: str) -> RPHandler:
    return RPHandler(given["redirect_uri"].rpartition("/")[0], client_configs={PROVIDER: CONFIGURATION | more})


refused("registration by itself", lambda: handler_of().begin(PROVIDER))
known = {"client_id": given["client_id"], "client_secret": given["client_secret"]}
handler = handler_of(**known)
address = handler.begin(PROVIDER, req_args={"scope": ["openid", "profile", "email"]})
answer = dict(parse_qsl(urlsplit(browse(address, given["redirect_uri"])["address"]).query))
refused("wrong state", lambda: handler.finalize(given["issuer"], {**answer, "state": "another"}))
result = handler.finalize(given["issuer"], answer)
if "error" in result:
    raise SystemExit(str(result))
say("token", claims=result["id_token"].to_dict())
say("userinfo", **result["userinfo"].to_dict())
refreshed = handler.refresh_access_token(result["state"])
say("refresh", type=refreshed["token_type"], another=refreshed["access_token"] != result["token"])
mistaken = handler_of(**known | {"client_secret": "a wrong secret, and a long one"})
address = mistaken.begin(PROVIDER, req_args={"scope": ["openid", "profile", "email"]})
again = dict(parse_qsl(urlsplit(browse(address, given["redirect_uri"])["address"]).query))
refused("wrong secret", lambda: mistaken.finalize(given["issuer"], again))
