// better-auth with its genericOAuth plugin, by its documentation: a provider by its discovery address.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { genericOAuth } from "better-auth/plugins";
import { given, open, say } from "./lab.mjs";

const { port } = new URL(given.redirect_uri);
const home = `http://127.0.0.1:${port}`;
const database = { user: [], session: [], account: [], verification: [] };

function provider(providerId, clientSecret) {
  return {
    providerId,
    discoveryUrl: `${given.issuer}/.well-known/openid-configuration`,
    clientId: given.client_id,
    clientSecret,
    scopes: ["openid", "profile", "email"],
    pkce: true,
  };
}

const auth = betterAuth({
  baseURL: home,
  secret: "a secret of development that is long enough, and random: 8f3a91",
  database: memoryAdapter(database),
  telemetry: { enabled: false },
  plugins: [genericOAuth({ config: [provider("lab", given.client_secret), provider("mistaken", "a wrong secret")] })],
});
const handler = toNodeHandler(auth);
const server = createServer(async (request, response) => {
  if (!request.url.startsWith("/begin/")) return request.url.startsWith("/api/auth") ? handler(request, response) : response.end("{}");
  // A button's script begins the sign-in; this address stands for it.
  const body = JSON.stringify({ provider: request.url.slice("/begin/".length), callbackURL: "/done", errorCallbackURL: "/failed" });
  const begun = await auth.handler(new Request(`${home}/api/auth/sign-in/social`, { method: "POST", body, headers: { "content-type": "application/json", origin: home } }));
  const { url, ...problem } = await begun.json();
  if (!url) return response.end(JSON.stringify(problem));
  response.setHeader("set-cookie", begun.headers.getSetCookie());
  response.writeHead(302, { location: url }).end();
});
await new Promise((ready) => server.listen(port, "127.0.0.1", ready));

const arrival = await open(`${home}/begin/lab`);
if (!arrival.address.endsWith("/done")) throw new Error(`${arrival.address} ${arrival.text}`);
const [account] = database.account;
const claims = JSON.parse(Buffer.from(account.idToken.split(".")[1], "base64url"));
say("token", { scope: account.scope, claims });
say("userinfo", database.user[0]);
say("wrong state", { refused: (await open(`${home}/api/auth/callback/lab?code=any&state=another`)).address });
say("wrong secret", { refused: (await open(`${home}/begin/mistaken`)).address });
process.exit(0);
