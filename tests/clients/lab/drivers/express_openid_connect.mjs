// express-openid-connect, by its README: an Express app whose routes need a sign-in; with the code flow and refresh.
import express from "express";
import { createRequire } from "node:module";
import { given, open, say } from "./lab.mjs";

const { auth } = createRequire(import.meta.url)("express-openid-connect");

async function started(port, clientSecret) {
  const app = express();
  app.use(
    auth({
      baseURL: `http://127.0.0.1:${port}`,
      issuerBaseURL: given.issuer,
      clientID: given.client_id,
      clientSecret,
      secret: "a long enough secret of development, of this app alone",
      authorizationParams: { response_type: "code", scope: "openid profile email" },
      idpLogout: true,
      routes: { callback: "/callback", postLogoutRedirect: "/signed-out" },
    }),
  );
  app.get("/refresh", async (request, response) => {
    const { access_token } = request.oidc.accessToken;
    const refreshed = await request.oidc.accessToken.refresh();
    response.json({ type: refreshed.token_type, another: refreshed.access_token !== access_token });
  });
  app.get("/", async (request, response) => {
    response.json({ claims: request.oidc.idTokenClaims, userinfo: await request.oidc.fetchUserInfo() });
  });
  app.use((error, request, response, next) => response.status(500).json({ refused: `${error.name} ${error.error ?? ""} ${error.message}` }));
  await new Promise((ready) => app.listen(port, "127.0.0.1", ready));
  return `http://127.0.0.1:${port}`;
}

const { port } = new URL(given.redirect_uri);
const home = await started(Number(port), given.client_secret);
const shown = JSON.parse((await open(home)).text);
if (shown.refused) throw new Error(shown.refused);
say("token", { claims: shown.claims });
say("userinfo", shown.userinfo);
say("refresh", JSON.parse((await open(`${home}/refresh`)).text));
say("signed out", { address: (await open(`${home}/logout`)).address });
say("wrong state", JSON.parse((await open(`${home}/callback?code=any&state=another`)).text));
const other = await started(Number(given.other_port), "a wrong secret");
say("wrong secret", JSON.parse((await open(other)).text));
process.exit(0);
