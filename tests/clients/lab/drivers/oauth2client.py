"""requests-oauth2client, by its README: a client by discovery, an authorization request that checks the answer."""

from lab import browse, given, refused, say
from requests_oauth2client import OAuth2Client

options = {"client_id": given["client_id"], "redirect_uri": given["redirect_uri"], "testing": True}


def client_with(secret: str) -> OAuth2Client:
    address = f"{given['issuer']}/.well-known/openid-configuration"
    return OAuth2Client.from_discovery_endpoint(
        address, issuer=given["issuer"], client_secret=secret, id_token_signed_response_alg="RS256", **options
    )


client = client_with(given["client_secret"])
say("discovery", issuer=client.issuer)
asked = client.authorization_request(scope="openid profile email")
answer = browse(asked.uri, given["redirect_uri"])["address"]
refused("wrong state", lambda: asked.validate_callback(answer.replace(asked.state, "another")))
checked = asked.validate_callback(answer)
refused("wrong secret", lambda: client_with("a wrong secret").authorization_code(checked))
token = client.authorization_code(checked)
say("token", type=token.token_type, scope=token.scope, claims=dict(token.id_token.claims))
say("userinfo", **client.userinfo(token))
refreshed = client.refresh_token(token)
say("refresh", type=refreshed.token_type, another=refreshed.access_token != token.access_token)
say("revocation", done=client.revoke_refresh_token(refreshed))
refused("revoked", lambda: client.refresh_token(refreshed))
