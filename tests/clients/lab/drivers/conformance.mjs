// The MCP conformance suite, as its README runs it; where it waits for somebody to sign in, the person does.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { given, open, say } from "./lab.mjs";

const results = mkdtempSync(join(tmpdir(), "conformance-"));
const command = ["node_modules/@modelcontextprotocol/conformance/dist/index.js", ...given.arguments, "--output-dir", results];
const suite = spawn(process.execPath, command, { cwd: process.cwd() });
const ended = new Promise((resolve) => suite.on("exit", resolve));
createInterface({ input: suite.stderr }).on("line", (line) => console.log(line));
createInterface({ input: suite.stdout }).on("line", (line) => {
  console.log(line);
  if (line.startsWith(`${given.issuer}/authorize?`)) open(line.trim());
});
const code = await ended;
for (const folder of readdirSync(results, { recursive: true }).filter((path) => path.endsWith("checks.json"))) {
  for (const check of JSON.parse(readFileSync(join(results, folder)))) {
    const { status, errorMessage, name } = check;
    say(check.id, { status, name, ...(errorMessage ? { told: errorMessage } : {}) });
  }
}
say("ended", { code });
process.exit(0);
