// What is shown of one mail: a received one with its tabs, or the journey of a row.
import { badge, byId, make } from "./dom.js";
import { remove, step } from "./list.js";
import { timeline } from "./timeline.js";
import { count, dayOf, timeOf } from "./words.js";

const TABS = { preview: "Preview", source: "Source", links: "Links", sent: "As sent", journey: "Journey" };
const PANELS = { preview, source, links, sent, journey };
const LONG = 200; // letters of a subject that is folded
let tab = "preview";
let open = null; // the number of the received mail that is shown

export function showNothing(text) {
  open = null;
  byId("detail").replaceChildren(make("p", { class: "empty" }, text));
}

/** Show a received mail; of one that is open already the journey only, which may have gone on. */
export function showLetter(mail) {
  if (open !== mail.n) build(mail);
  else if (tab === "journey") byId("panel").replaceChildren(journey(mail));
  open = mail.n;
}

function build(mail) {
  const panel = make("div", { role: "tabpanel", id: "panel", tabindex: "0" });
  const choose = (name) => {
    tab = name;
    for (const button of tabs.children) {
      const on = button.id === `tab-${name}`;
      button.ariaSelected = on;
      button.tabIndex = on ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", `tab-${name}`);
    panel.className = `panel ${name}`;
    panel.replaceChildren(PANELS[name](mail));
  };
  const names = Object.keys(TABS);
  const tabs = make("div", { role: "tablist", class: "tabs", "aria-label": "Ways to look at this mail" },
    names.map((name) => make("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", onclick: () => choose(name),
    }, name === "links" ? `Links ${mail.links.length}` : TABS[name])));
  tabs.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const to = by ? names.at((names.indexOf(tab) + by) % names.length) : { Home: names[0], End: names.at(-1) }[event.key];
    if (to) {
      event.preventDefault();
      choose(to);
      byId(`tab-${to}`).focus();
    }
  });
  byId("detail").replaceChildren(
    make("header", {},
      make("div", { class: "line" }, subject(mail.subject || "(no subject)"), actions(mail)),
      make("p", { class: "people" },
        make("bdi", {}, mail.from ?? "?"), " → ", make("bdi", {}, mail.to.join(", "))),
      make("p", { class: "muted" },
        `Taqnyat accepted it ${dayOf(mail.at)}, ${timeOf(mail.at)} · msgId ${mail.msg_id}`),
      mail.hints.map((hint) => make("p", { class: "note" }, hint))),
    tabs, panel);
  choose(tab);
}

export function showJourney(row) {
  open = null;
  byId("detail").replaceChildren(
    make("header", {},
      make("h2", {}, make("bdi", {}, row.to.join(", ") || "?")),
      make("p", { class: "people" }, make("bdi", {}, row.sender), row.campaign ? ` · campaign ` : null,
        row.campaign ? make("bdi", {}, row.campaign) : null),
      make("p", { class: "muted" }, badge(row.state), " ", make("code", {}, row.id))),
    make("div", { class: "panel journey" },
      timeline(row),
      make("dl", { class: "facts" },
        fact("Attempts", row.attempt_count || 0),
        row.resends ? fact("Marked as resend", row.resends) : null,
        row.msg_id ? fact("Taqnyat's msgId", row.msg_id) : null,
        row.price ? fact("Price", row.price) : null),
      row.inbox.length
        ? make("p", {}, row.inbox.length > 1 ? `Taqnyat has it ${count(row.inbox.length, "time")}: ` : "",
            row.inbox.map((n) => make("a", { href: `#/inbox/${n}`, class: "button" }, row.inbox.length > 1 ? `No. ${n}` : "See it in the inbox")))
        : null));
}

function subject(text) {
  const title = make("h2", { dir: "auto" }, text);
  if (text.length <= LONG) return title;
  return make("div", { class: "folded" }, title, make("details", {}, make("summary", { class: "small" },
    make("span", {}, `Show all ${count(text.length, "letter")}`), make("span", {}, "Show less"))));
}

function actions(mail) {
  const button = (name, text, onclick) => make("button", { type: "button", class: "quiet small", "aria-label": name, title: name, onclick }, text);
  return make("div", { class: "actions" },
    button("Previous mail (k)", "↑", () => step(-1)), button("Next mail (j)", "↓", () => step(1)),
    make("a", { class: "button small", href: `/mail/${mail.n}.eml`, download: "" }, ".eml"),
    button("Delete this mail", "Delete", () => remove(`/api/inbox/${mail.n}`, "Delete this mail?")));
}

function links(mail) {
  if (!mail.links.length) return make("p", { class: "empty" }, "It has no links.");
  const safe = (href) => /^(https?|mailto|tel):/i.test(href);
  return make("ol", { class: "links" }, mail.links.map(({ href, text }) => make("li", {},
    make("bdi", {}, text || "(no text)"),
    safe(href) ? make("a", { href, target: "_blank", rel: "noopener noreferrer", dir: "ltr" }, href) : make("code", { dir: "ltr" }, href))));
}

function preview(mail) {
  return make("iframe", {
    sandbox: true, src: `/mail/${mail.n}`, title: "The mail as it would be read", referrerpolicy: "no-referrer",
  });
}

function source(mail) {
  return make("pre", { class: "source", dir: "auto" }, make("code", {}, String(mail.fields.msg ?? "")));
}

function sent(mail) {
  const { msg, ...fields } = mail.fields;
  const shown = (value) => (Array.isArray(value) ? value.join(", ") : String(value));
  return make("div", {},
    make("p", {}, make("code", {}, "POST /mailSend.php")),
    make("dl", { class: "facts" },
      fact("Content-Type", mail.content_type),
      fact("Authorization", mail.auth.includes("header") ? "Bearer •••••••• (hidden)" : "none"),
      mail.auth.includes("body") || mail.auth.includes("query")
        ? fact("bearerTokens", `•••••••• (hidden, in the ${mail.auth.split("+")[0]})`) : null,
      fact("token", mail.token?.right ? "the right one" : "not the account's"),
      Object.entries(fields).map(([name, value]) => fact(name, shown(value))),
      fact("msg", `${count(new TextEncoder().encode(String(msg ?? "")).length, "byte")}, see Source`)));
}

function journey(mail) {
  if (!mail.row) return make("p", { class: "empty" }, "The ledger knows nothing of it: it did not come through the gateway.");
  return make("div", {}, timeline(mail),
    make("p", {}, make("a", { href: `#/mails/${mail.row}`, class: "button" }, "Open its row")));
}

function fact(name, value) {
  return make("div", {}, make("dt", {}, name), make("dd", { dir: "auto" }, String(value)));
}
