// Verifies a delivery with the libraries of the Node example: node verify.mjs <its folder>, JSON on standard input.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/package.json`);
const { library, body, headers, secret, now } = JSON.parse(readFileSync(0, "utf-8"));
if (now) Date.now = () => now * 1000;
if (now) globalThis.Date = class extends Date { constructor(...given) { given.length ? super(...given) : super(now * 1000); } };

if (library === "resend") {
  const { Resend } = require("resend");
  new Resend("re_made_up").webhooks.verify({
    payload: body,
    headers: { id: headers["svix-id"], timestamp: headers["svix-timestamp"], signature: headers["svix-signature"] },
    webhookSecret: secret,
  });
} else {
  const { Webhook } = require("standardwebhooks");
  new Webhook(secret).verify(body, headers);
}
console.log("good");
