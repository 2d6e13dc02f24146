// The MCP TypeScript SDKs differ in where they are imported from; an application uses both the same way.
import { given, open, refused, say } from "./lab.mjs";

export class Provider {
  constructor(client_name) {
    this.client_name = client_name;
    this.clientMetadataUrl = given.client_metadata_url;
  }
  get redirectUrl() {
    return given.redirect_uri;
  }
  get clientMetadata() {
    const grant_types = ["authorization_code", "refresh_token"];
    return { client_name: this.client_name, redirect_uris: [given.redirect_uri], grant_types, response_types: ["code"] };
  }
  state() {
    return (this.sentState = crypto.randomUUID());
  }
  clientInformation() {
    return this.client;
  }
  saveClientInformation(client) {
    this.client = client;
  }
  tokens() {
    return this.kept;
  }
  saveTokens(tokens) {
    this.kept = tokens;
  }
  async redirectToAuthorization(address) {
    this.answer = new URL((await open(address, given.redirect_uri)).address).searchParams;
  }
  saveCodeVerifier(verifier) {
    this.verifier = verifier;
  }
  codeVerifier() {
    return this.verifier;
  }
}

export async function calls({ Client, StreamableHTTPClientTransport, UnauthorizedError, name, Provider }) {
  const authProvider = new Provider(`An app of ${name}`);

  async function asked() {
    const client = new Client({ name: "laboratory", version: "1" });
    const transport = new StreamableHTTPClientTransport(new URL(given.mcp), { authProvider });
    await client.connect(transport);
    const result = await client.callTool({ name: "whoami", arguments: {} });
    await client.close();
    return JSON.parse(result.content[0].text);
  }

  try {
    await asked();
    throw new Error("the MCP server asked for nothing");
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
  }
  // The application compares the state, the SDK the rest.
  if (authProvider.answer.get("state") !== authProvider.sentState) throw new Error("another state");
  const finished = new StreamableHTTPClientTransport(new URL(given.mcp), { authProvider });
  const verifier = authProvider.verifier;
  authProvider.verifier = "a verifier of somebody else's, as long as they must be at the least";
  await refused("wrong verifier", () => finished.finishAuth(authProvider.answer.get("code"), authProvider.answer.get("iss") ?? undefined));
  authProvider.verifier = verifier;
  await finished.finishAuth(authProvider.answer.get("code"), authProvider.answer.get("iss") ?? undefined);
  say("registration", { client_id: authProvider.client?.client_id, method: authProvider.client?.token_endpoint_auth_method });
  say("token", { type: authProvider.kept.token_type, scope: authProvider.kept.scope });
  say("tools", { caller: await asked() });

  const before = authProvider.kept;
  authProvider.kept = { ...before, access_token: "one that the server does not know" };
  const caller = await asked();
  say("refresh", { another: authProvider.kept.access_token !== before.access_token, caller });
  process.exit(0);
}
