// What the console's own endpoint was told, and whether the signature was good.
import { byId, make, reconcile } from "./dom.js";
import { timeOf } from "./words.js";

export function showWebhooks(webhooks) {
  byId("webhooks").hidden = !webhooks;
  if (!webhooks) return;
  byId("webhooks-none").hidden = webhooks.calls.length > 0;
  reconcile(byId("webhook-calls"), webhooks.calls.slice(0, 12), (call) =>
    make("li", { class: "hooked" },
      make("span", {}, call.type, call.repeat ? " (again)" : null),
      make("small", {}, `${timeOf(call.at * 1000)} ${call.verified ? "signature good" : "signature bad"} `,
        call.email_id ? make("a", { href: `#/mails/${encodeURIComponent(call.email_id)}` }, "its mail") : null)));
}
