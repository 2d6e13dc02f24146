// An OpenID Provider that other people wrote, with its own development pages for signing in and consenting.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [redirectUri, clientId, clientSecret, method, algorithm] = process.argv.slice(2);

const server = createServer((request, response) => handle(request, response));
let handle = (_, response) => response.writeHead(503).end();

server.listen(0, "127.0.0.1", async () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        ...(method === "none" ? {} : { client_secret: clientSecret }),
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: method,
        id_token_signed_response_alg: algorithm,
      },
    ],
    claims: { openid: ["sub"], profile: ["name", "preferred_username"], email: ["email", "email_verified"] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        name: `Name of ${id}`,
        preferred_username: id,
        email: `${id}@foreign.example`,
        email_verified: true,
      }),
    }),
    pkce: { required: () => true },
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"] },
    jwks: { keys: JSON.parse(process.env.KEYS) },
    cookies: { keys: ["a key of the provider's cookies"] },
  });
  handle = provider.callback();
  console.log(`issuer ${issuer}`);
});
