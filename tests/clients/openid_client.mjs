// Goes through everything with openid-client: one line per step. Asks for the browser's part on standard input.
//
//   node openid_client.mjs <issuer> <resource> <client_id> <redirect_uri> [<client_secret> [basic|post]]
// ID_TOKEN_ALG in the environment is what the client is registered with, RS256 otherwise.

import { createInterface } from "node:readline/promises";
import * as oidc from "openid-client";

const [issuer, resource, clientId, redirectUri, secret, method] = process.argv.slice(2);
const person = createInterface({ input: process.stdin });
const lines = person[Symbol.asyncIterator]();

function done(step, result) {
  console.log(`ok  ${step.padEnd(20)} ${result}`);
}

async function refused(step, attempt, expected) {
  const error = await attempt().then(
    () => { throw new Error(`${step}: was not refused`); },
    (error) => error,
  );
  const told = [error.status, error.error].filter(Boolean).join(" ");
  if (told !== expected) throw new Error(`${step}: ${expected} was expected`, { cause: error });
  done(step, told);
}

async function call(path, token) {
  const response = await oidc.fetchProtectedResource(config, token, new URL(`${resource}${path}`), "GET");
  return JSON.stringify(await response.json());
}

const confidential = method === "post" ? oidc.ClientSecretPost : oidc.ClientSecretBasic;
const config = await oidc.discovery(
  new URL(issuer),
  clientId,
  { id_token_signed_response_alg: process.env.ID_TOKEN_ALG ?? "RS256" },
  secret ? confidential(secret) : oidc.None(),
  { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] },
);
const server = config.serverMetadata();
done("discovery", `${server.issuer} ${server.id_token_signing_alg_values_supported}`);

const verifier = oidc.randomPKCECodeVerifier();
const checks = { pkceCodeVerifier: verifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce() };
const address = oidc.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  scope: "openid profile email read",
  state: checks.expectedState,
  nonce: checks.expectedNonce,
  code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
});
console.log(`open ${address}`);
const answer = new URL((await lines.next()).value);
done("authorization", [...answer.searchParams.keys()].join(" "));

// Checks state, iss (RFC 9207), the ID token's signature against the JWKS, its nonce, and all of its claims.
const tokens = await oidc.authorizationCodeGrant(config, answer, checks);
const claims = tokens.claims();
const header = JSON.parse(Buffer.from(tokens.id_token.split(".")[0], "base64url"));
done("code for tokens", `${tokens.token_type} for ${tokens.expires_in} s, scope ${tokens.scope}`);
done("ID token", `${header.alg}, iss ${claims.iss}, aud ${claims.aud}`);

const user = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
done("userinfo", `${user.name} <${user.email}>`);
done("GET /items", await call("/items", tokens.access_token));

const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
done("refresh", `${refreshed.token_type} for ${refreshed.expires_in} s, scope ${refreshed.scope}`);
done("GET /items again", await call("/items", refreshed.access_token));

if (secret) {
  const told = await oidc.tokenIntrospection(config, refreshed.access_token);
  done("introspection", `active ${told.active}, scope ${told.scope}`);
}

await oidc.tokenRevocation(config, refreshed.refresh_token);
done("revocation", "of the refresh token");
await refused("refresh, revoked", () => oidc.refreshTokenGrant(config, refreshed.refresh_token), "400 invalid_grant");
await refused("GET /items, revoked", () => call("/items", refreshed.access_token), "401");
if (secret) {
  const told = await oidc.tokenIntrospection(config, refreshed.access_token);
  done("introspection", `active ${told.active}`);
}
await refused("code again", () => oidc.authorizationCodeGrant(config, answer, checks), "400 invalid_grant");
console.log(`everything works with openid-client and ${clientId}`);
person.close();
