// @modelcontextprotocol/client 2.x, by its documentation of OAuth.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import { calls, Provider } from "./mcp_provider.mjs";

await calls({ Client, StreamableHTTPClientTransport, UnauthorizedError, name: "the MCP TypeScript SDK 2", Provider });
