"""Authlib's Starlette integration, by its documentation: a provider by its discovery address, PKCE on."""

import json
import threading

import uvicorn
from authlib.integrations.starlette_client import OAuth
from lab import browse, given, say
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

oauth = OAuth()
for name, secret in (("lab", given["client_secret"]), ("mistaken", "a wrong secret")):
    oauth.register(
        name,
        client_id=given["client_id"],
        client_secret=secret,
        server_metadata_url=f"{given['issuer']}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
    )
chosen = "lab"


async def login(request: Request) -> Response:
    response: Response = await oauth.create_client(chosen).authorize_redirect(request, given["redirect_uri"])
    return response


async def callback(request: Request) -> Response:
    client = oauth.create_client(chosen)
    try:
        token = await client.authorize_access_token(request)
    except Exception as error:  # noqa: BLE001 whatever it raises
        return JSONResponse({"refused": f"{type(error).__name__} {error}"})
    return JSONResponse({"token": token, "userinfo": await client.userinfo(token=token)})


port = int(given["redirect_uri"].split(":")[2].split("/")[0])
app = Starlette(
    routes=[Route("/login", login), Route("/callback", callback)],
    middleware=[Middleware(SessionMiddleware, secret_key="of development")],
)
server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
threading.Thread(target=server.run, daemon=True).start()
while not server.started:
    pass

home = f"http://127.0.0.1:{port}"
shown = json.loads(browse(f"{home}/login")["text"])
token = shown["token"]
say("token", type=token["token_type"], scope=token["scope"], claims=token["userinfo"])
say("userinfo", **shown["userinfo"])
say("wrong state", **json.loads(browse(f"{home}/callback?code=any&state=another")["text"]))
chosen = "mistaken"
say("wrong secret", **json.loads(browse(f"{home}/login")["text"]))
