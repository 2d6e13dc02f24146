// The client credentials grant with openid-client.
//
//   node openid_client_machine.mjs <issuer> <resource> <client_id> <client_secret>

import * as oidc from "openid-client";

const [issuer, resource, clientId, secret] = process.argv.slice(2);
const config = await oidc.discovery(new URL(issuer), clientId, undefined, oidc.ClientSecretBasic(secret), {
  execute: [oidc.allowInsecureRequests],
});
const tokens = await oidc.clientCredentialsGrant(config, { scope: "read write" });
console.log(`ok  client credentials   ${tokens.token_type} for ${tokens.expires_in} s, scope ${tokens.scope}`);
const response = await oidc.fetchProtectedResource(config, tokens.access_token, new URL(`${resource}/me`), "GET");
console.log(`ok  GET /me              ${JSON.stringify(await response.json())}`);
const told = await oidc.tokenIntrospection(config, tokens.access_token);
console.log(`ok  introspection        active ${told.active}, client_id ${told.client_id}`);
await oidc.tokenRevocation(config, tokens.access_token);
const after = await oidc.tokenIntrospection(config, tokens.access_token);
console.log(`ok  revoked              active ${after.active}`);
if (after.active) process.exit(1);
console.log(`everything works with openid-client and ${clientId}`);
