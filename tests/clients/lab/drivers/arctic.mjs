// arctic, by its documentation of a generic OAuth 2.0 client: the endpoints are written down, nothing is discovered.
import * as arctic from "arctic";
import { given, open, refused, say } from "./lab.mjs";

const client = new arctic.OAuth2Client(given.client_id, given.client_secret, given.redirect_uri);
const tokenEndpoint = `${given.issuer}/token`;
const state = arctic.generateState();
const verifier = arctic.generateCodeVerifier();
const scopes = ["openid", "profile", "email"];
const S256 = arctic.CodeChallengeMethod.S256;
const address = client.createAuthorizationURLWithPKCE(`${given.issuer}/authorize`, state, S256, verifier, scopes);
const answer = new URL((await open(address, given.redirect_uri)).address);
if (answer.searchParams.get("state") !== state) throw new Error("another state");
const code = answer.searchParams.get("code");
const mistaken = new arctic.OAuth2Client(given.client_id, "a wrong secret", given.redirect_uri);
await refused("wrong secret", () => mistaken.validateAuthorizationCode(tokenEndpoint, code, verifier));
const tokens = await client.validateAuthorizationCode(tokenEndpoint, code, verifier);
say("token", { type: tokens.tokenType(), scope: tokens.scopes().join(" "), claims: arctic.decodeIdToken(tokens.idToken()) });
const authorization = { Authorization: `Bearer ${tokens.accessToken()}` };

say("userinfo", await (await fetch(`${given.issuer}/userinfo`, { headers: authorization })).json());
const refreshed = await client.refreshAccessToken(tokenEndpoint, tokens.refreshToken(), []);
say("refresh", { type: refreshed.tokenType(), another: refreshed.accessToken() !== tokens.accessToken() });
await client.revokeToken(`${given.issuer}/revoke`, refreshed.refreshToken());
await refused("revoked", () => client.refreshAccessToken(tokenEndpoint, refreshed.refreshToken(), []));
process.exit(0);
