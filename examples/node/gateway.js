// The gateway's local stack, for tests in JavaScript: all it needs is HTTP. Copy this file.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Attach to the stack that runs in a clone of the gateway, or start one. Call `close` at the end. */
export async function gateway(clone) {
  const file = process.env.TAQNYAT_STACK_JSON ?? join(clone, ".local", "stack.json");
  if (existsSync(file)) return attached(file, () => {});
  const make = spawn("make", ["--silent", `--directory=${clone}`, "run", "ARGS=--for-tests"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: make.stdout })) {
    if (line.startsWith("stack.json: ")) return attached(line.slice(12), () => make.stdin.end());
  }
  throw new Error("the gateway did not start");
}

function attached(file, close) {
  const details = JSON.parse(readFileSync(file, "utf-8"));
  const console = details.inbox_url;
  const post = (path, body) => ask(console + path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  return {
    url: details.api_url,
    key: details.api_key,
    /** Wait for a mail: `{ to, subject, from, campaign, after, timeout }`, each optional. */
    waitFor: (wanted) => ask(`${console}/api/inbox/wait?${new URLSearchParams(wanted)}`),
    mails: async (search = "") => (await ask(`${console}/api/inbox?${new URLSearchParams({ q: search })}`)).mails,
    behave: (mode) => post("/api/taqnyat", { mode }),
    reset: () => post("/api/reset", {}),
    close,
  };
}

async function ask(url, options) {
  const answer = await fetch(url, options);
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.message);
  return said;
}
