// mcp-remote, as an application starts it: a process that speaks MCP on standard input and output, and opens a browser.
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { given, open, say } from "./lab.mjs";

// An application that is known already is configured, or has a metadata document; otherwise it registers itself.
const { client_id, client_secret, client_metadata_url } = given;
const known = client_id ? ["--static-oauth-client-info", JSON.stringify({ client_id, client_secret })] : [];
if (client_metadata_url) known.push("--client-metadata-url", client_metadata_url);
const folder = mkdtempSync(join(tmpdir(), "mcp-remote-"));
const remote = spawn(process.execPath, ["node_modules/mcp-remote/dist/proxy.js", given.mcp, ...(given.arguments ?? []), ...known], {
  env: { ...process.env, MCP_REMOTE_CONFIG_DIR: folder, BROWSER: "true" },
});
process.on("exit", () => remote.kill());
remote.on("exit", (code) => {
  say("ended", { code });
  process.exit(1);
});

// It prints where to sign in, for users without a browser that it could open.
createInterface({ input: remote.stderr }).on("line", async (line) => {
  console.log(line);
  const address = line.match(/(https:\/\/127\.0\.0\.1:\d+\/(authorize|device)\?\S+)/)?.[1];
  if (address) say("signed in", { shown: (await open(address)).text.length > 0 });
});

const answers = new Map();
createInterface({ input: remote.stdout }).on("line", (line) => {
  const message = JSON.parse(line);
  answers.get(message.id)?.(message);
});

function ask(id, method, params) {
  const answer = new Promise((resolve) => answers.set(id, resolve));
  remote.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
  return answer;
}

const clientInfo = { name: "laboratory", version: "1" };
const { result } = await ask(1, "initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo });
say("initialized", { revision: result.protocolVersion });
remote.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
const called = await ask(2, "tools/call", { name: "whoami", arguments: {} });
say("tools", { caller: JSON.parse(called.result.content[0].text) });
process.exit(0);
