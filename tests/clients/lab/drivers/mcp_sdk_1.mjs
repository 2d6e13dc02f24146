// @modelcontextprotocol/sdk 1.x, by its documentation of OAuth: a provider that keeps what the SDK tells it.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { calls, Provider } from "./mcp_provider.mjs";

await calls({ Client, StreamableHTTPClientTransport, UnauthorizedError, name: "the MCP TypeScript SDK 1", Provider });
