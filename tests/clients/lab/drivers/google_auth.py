"""google-auth-oauthlib, by its documentation of the web server flow, with this server's addresses in its file."""

import os

from google.auth.transport.requests import Request
from google_auth_oauthlib.flow import Flow
from lab import browse, given, refused, say

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"


def flow_with(secret: str) -> Flow:
    web = {
        "client_id": given["client_id"],
        "client_secret": secret,
        "auth_uri": f"{given['issuer']}/authorize",
        "token_uri": f"{given['issuer']}/token",
    }
    return Flow.from_client_config({"web": web}, ["openid", "profile", "email"], redirect_uri=given["redirect_uri"])


flow = flow_with(given["client_secret"])
address, state = flow.authorization_url(access_type="offline", prompt="consent")
answer = browse(address, given["redirect_uri"])["address"]
mistaken = flow_with("a wrong secret")
mistaken.code_verifier = flow.code_verifier
refused("wrong secret", lambda: mistaken.fetch_token(authorization_response=answer))
forged = answer.replace(state, "another")
refused("wrong state", lambda: flow.fetch_token(authorization_response=forged))
flow.fetch_token(authorization_response=answer)
credentials = flow.credentials
say("token", scope=" ".join(credentials.granted_scopes or credentials.scopes), id_token=bool(credentials.id_token))
say("userinfo", **flow.authorized_session().get(f"{given['issuer']}/userinfo").json())
before = credentials.token
credentials.refresh(Request())
say("refresh", another=credentials.token != before)
