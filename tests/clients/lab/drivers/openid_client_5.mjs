// openid-client 5, by its documentation: Issuer.discover, registration by itself, callback, userinfo, refresh.
import { Issuer, generators } from "openid-client-5";
import { given, open, refused, say } from "./lab.mjs";

const issuer = await Issuer.discover(given.issuer);
say("discovery", { issuer: issuer.issuer });
const metadata = { redirect_uris: [given.redirect_uri], grant_types: ["authorization_code", "refresh_token"] };
const client = await issuer.Client.register({ ...metadata, client_name: "An app of openid-client 5" });
say("registration", { method: client.metadata.token_endpoint_auth_method });

const code_verifier = generators.codeVerifier();
const state = generators.state();
const address = client.authorizationUrl({
  scope: "openid profile email",
  state,
  code_challenge: generators.codeChallenge(code_verifier),
  code_challenge_method: "S256",
});
const answer = client.callbackParams((await open(address, given.redirect_uri)).address);
await refused("wrong state", () => client.callback(given.redirect_uri, answer, { state: "another", code_verifier }));
const mistaken = new issuer.Client({ ...client.metadata, client_secret: "a wrong secret" });
await refused("wrong secret", () => mistaken.callback(given.redirect_uri, answer, { state, code_verifier }));
const tokens = await client.callback(given.redirect_uri, answer, { state, code_verifier });
say("token", { type: tokens.token_type, scope: tokens.scope, claims: tokens.claims() });
say("userinfo", await client.userinfo(tokens));
const refreshed = await client.refresh(tokens);
say("refresh", { type: refreshed.token_type, another: refreshed.access_token !== tokens.access_token });
await client.revoke(refreshed.refresh_token);
await refused("revoked", () => client.refresh(refreshed.refresh_token));
process.exit(0);
