// What the drivers share: what they are given, and how they say what happened.
import { createInterface } from "node:readline";

export const given = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export function say(step, told = {}) {
  console.log(JSON.stringify({ step, ...told }));
}

// Where a person's browser ends that opens the address; `until` is what no site answers at.
export async function open(address, until = "") {
  console.log(JSON.stringify({ open: String(address), until }));
  return JSON.parse((await lines.next()).value);
}

// Says what refused an attempt: the server, or the library itself.
export async function refused(step, attempt) {
  try {
    await attempt();
    say(step, { accepted: true });
  } catch (error) {
    say(step, { refused: [error.name, error.code, error.error, error.message, error.cause?.message].filter(Boolean).join(" ") });
  }
}
