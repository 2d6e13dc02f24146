// Auth.js (@auth/core), by its guide for a provider of one's own: an OIDC provider with issuer, identifier and secret.
import { createServer } from "node:http";
import { Auth, skipCSRFCheck } from "@auth/core";
import { given, open, say } from "./lab.mjs";

function config(clientSecret) {
  return {
    basePath: "/auth",
    secret: "a secret of development",
    trustHost: true,
    skipCSRFCheck,
    logger: { error: (error) => refusals.push(`${error.name} ${error.cause?.err?.message ?? error.message}`), warn() {}, debug() {} },
    providers: [
      { id: "lab", name: "Lab", type: "oidc", issuer: given.issuer, clientId: given.client_id, clientSecret, checks: ["pkce", "state", "nonce"] },
    ],
    callbacks: {
      jwt: ({ token, account, profile }) => (account ? { ...token, account, profile } : token),
      session: ({ session, token }) => ({ ...session, account: token.account, profile: token.profile }),
    },
  };
}

const refusals = [];
let clientSecret = given.client_secret;
const { port } = new URL(given.redirect_uri);
const home = `http://127.0.0.1:${port}`;
const server = createServer(async (request, response) => {
  // A form's button begins the sign-in; this address stands for the button.
  const begins = request.url === "/begin";
  const url = begins ? `${home}/auth/signin/lab?callbackUrl=${home}/auth/session` : home + request.url;
  const answer = await Auth(new Request(url, { method: begins ? "POST" : request.method, headers: { cookie: request.headers.cookie ?? "", host: request.headers.host } }), config(clientSecret));
  for (const [name, value] of answer.headers) if (name !== "set-cookie") response.setHeader(name, value);
  response.setHeader("set-cookie", answer.headers.getSetCookie());
  response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
});
await new Promise((ready) => server.listen(port, "127.0.0.1", ready));

const session = await open(`${home}/begin`);
if (!session.text.startsWith("{")) throw new Error(`${session.address} ${refusals}`);
const { account, profile, user } = JSON.parse(session.text);
say("token", { type: account.token_type, scope: account.scope, claims: profile });
say("userinfo", user);
refusals.length = 0;
await open(`${home}/auth/callback/lab?code=any&state=another&iss=${given.issuer}`);
say("wrong state", { refused: refusals.join(" ") });
refusals.length = 0;
clientSecret = "a wrong secret";
await open(`${home}/begin`);
say("wrong secret", { refused: refusals.join(" ") });
process.exit(0);
