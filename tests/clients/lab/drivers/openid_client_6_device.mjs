// openid-client 6 in a program without a browser, by its documentation of the device authorization grant.
import * as oidc from "openid-client";
import { given, open, say } from "./lab.mjs";

const execute = [oidc.allowInsecureRequests];
const config = await oidc.discovery(new URL(given.issuer), given.client_id, undefined, oidc.None(), { execute });
const begun = await oidc.initiateDeviceAuthorization(config, { scope: "openid profile email" });
const [tokens] = await Promise.all([
  oidc.pollDeviceAuthorizationGrant(config, begun),
  open(begun.verification_uri_complete),
]);
say("token", { type: tokens.token_type, scope: tokens.scope, claims: tokens.claims() });
say("userinfo", await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub));
const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
say("refresh", { type: refreshed.token_type, another: refreshed.access_token !== tokens.access_token });
process.exit(0);
