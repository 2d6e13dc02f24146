// Dynamic registration with openid-client: prints the client's identifier and secret as JSON.
//
//   node openid_client_registration.mjs <issuer> <redirect_uri>

import * as oidc from "openid-client";

const [issuer, redirectUri] = process.argv.slice(2);
const metadata = { client_name: "An app of openid-client", redirect_uris: [redirectUri], scope: "openid profile email read" };
const config = await oidc.dynamicClientRegistration(new URL(issuer), metadata, undefined, {
  execute: [oidc.allowInsecureRequests],
});
const { client_id, client_secret } = config.clientMetadata();
console.log(JSON.stringify({ client_id, client_secret }));
