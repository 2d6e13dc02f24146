// oauth4webapi, by its example for a public client: OAuth discovery, registration by itself, PKCE, DPoP left out.
import * as oauth from "oauth4webapi";
import { given, open, refused, say } from "./lab.mjs";

const issuer = new URL(given.issuer);
const discovered = await oauth.discoveryRequest(issuer, { algorithm: "oauth2" });
const as = await oauth.processDiscoveryResponse(issuer, discovered);
say("discovery", { issuer: as.issuer });
const wanted = {
  client_name: "An app of oauth4webapi",
  redirect_uris: [given.redirect_uri],
  grant_types: ["authorization_code", "refresh_token"],
  token_endpoint_auth_method: "none",
};
// An application that says at an address of its own what it is has that address for its identifier.
const client = given.client_metadata_url ? { client_id: given.client_metadata_url } : await registered();

async function registered() {
  const made = await oauth.dynamicClientRegistrationRequest(as, wanted);
  const client = await oauth.processDynamicClientRegistrationResponse(made);
  say("registration", { method: client.token_endpoint_auth_method });
  return client;
}

const verifier = oauth.generateRandomCodeVerifier();
const state = oauth.generateRandomState();
const address = new URL(as.authorization_endpoint);
const parameters = {
  client_id: client.client_id,
  redirect_uri: given.redirect_uri,
  response_type: "code",
  scope: "openid profile email",
  state,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
};
for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
const answer = new URL((await open(address, given.redirect_uri)).address);
await refused("wrong state", async () => oauth.validateAuthResponse(as, client, answer, "another"));
const checked = oauth.validateAuthResponse(as, client, answer, state);
const auth = oauth.None();
const response = await oauth.authorizationCodeGrantRequest(as, client, auth, checked, given.redirect_uri, verifier);
const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, { requireIdToken: true });
const claims = oauth.getValidatedIdTokenClaims(tokens);
await oauth.validateApplicationLevelSignature(as, response);
say("token", { type: tokens.token_type, scope: tokens.scope, claims });
const told = await oauth.userInfoRequest(as, client, tokens.access_token);
say("userinfo", await oauth.processUserInfoResponse(as, client, claims.sub, told));
const again = await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token);
const refreshed = await oauth.processRefreshTokenResponse(as, client, again);
say("refresh", { type: refreshed.token_type, another: refreshed.access_token !== tokens.access_token });
await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, refreshed.refresh_token));
await refused("revoked", async () => {
  const late = await oauth.refreshTokenGrantRequest(as, client, auth, refreshed.refresh_token);
  return oauth.processRefreshTokenResponse(as, client, late);
});
process.exit(0);
