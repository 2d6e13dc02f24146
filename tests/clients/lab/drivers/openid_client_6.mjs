// openid-client 6, by its documentation: discovery, a registered client, PKCE, ID token, userinfo, refresh.
import * as oidc from "openid-client";
import { given, open, refused, say } from "./lab.mjs";

const execute = [oidc.allowInsecureRequests];
const methods = { client_secret_basic: oidc.ClientSecretBasic, client_secret_post: oidc.ClientSecretPost };

// By whatever the application authenticates: a secret, by the library's own choice or the named method, or a key.
function method(credential) {
  if (given.method === "private_key_jwt") return oidc.PrivateKeyJwt({ key: credential, kid: given.key.kid });
  return given.method ? methods[given.method](credential) : undefined;
}

async function configured(credential) {
  const secret = typeof credential === "string" ? credential : undefined;
  return oidc.discovery(new URL(given.issuer), given.client_id, secret, method(credential), { execute });
}

const algorithm = { name: "ECDSA", namedCurve: "P-256" };
const own = given.client_secret ?? (await crypto.subtle.importKey("jwk", given.key, algorithm, false, ["sign"]));
const wrong = given.client_secret ? "a wrong secret" : (await crypto.subtle.generateKey(algorithm, false, ["sign"])).privateKey;
const config = await configured(own);
say("discovery", { issuer: config.serverMetadata().issuer });

const verifier = oidc.randomPKCECodeVerifier();
const state = oidc.randomState();
const address = oidc.buildAuthorizationUrl(config, {
  redirect_uri: given.redirect_uri,
  scope: "openid profile email",
  state,
  code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
});
const answer = new URL((await open(address, given.redirect_uri)).address);
const checks = { pkceCodeVerifier: verifier, expectedState: state };
await refused("wrong state", () => oidc.authorizationCodeGrant(config, answer, { ...checks, expectedState: "another" }));
const mistaken = await configured(wrong);
await refused("wrong secret", () => oidc.authorizationCodeGrant(mistaken, answer, checks));
const tokens = await oidc.authorizationCodeGrant(config, answer, checks);
say("token", { type: tokens.token_type, scope: tokens.scope, claims: tokens.claims() });
say("userinfo", await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub));
const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
say("refresh", { type: refreshed.token_type, another: refreshed.access_token !== tokens.access_token });
await oidc.tokenRevocation(config, refreshed.refresh_token);
await refused("revoked", () => oidc.refreshTokenGrant(config, refreshed.refresh_token));
process.exit(0);
