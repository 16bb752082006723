// The list of mails: received ones, or rows of the ledger. One stop of the Tab key, arrows inside.
import { badge, byId, calm, fetchJson, make, reconcile, setText } from "./dom.js";
import { count, timeOf } from "./words.js";

const NOTHING = { mails: [], matching: 0, next: null }; // `next` is where the older ones begin
const HREFS = { inbox: (mail) => `#/inbox/${mail.n}`, mails: (mail) => `#/mails/${encodeURIComponent(mail.id)}` };
const list = byId("list");
let asked = null; // what the list is of: view, search and state
let found = null; // what is known of it; null while it loads

/** Show the list of a view; until it is complete, no other list is shown. */
export function showList(wanted) {
  if (JSON.stringify(wanted) !== JSON.stringify(asked)) {
    asked = wanted;
    found = null;
    draw();
  }
  refresh();
}

const refresh = calm(200, async () => {
  const of = asked;
  const first = await fetchPage(of, null);
  if (of !== asked) return;
  const { mails, next } = found ?? NOTHING;
  const href = HREFS[of.view];
  const last = first.mails.at(-1);
  const at = last ? mails.findIndex((mail) => href(mail) === href(last)) : -1;
  const older = at >= 0 && first.next !== null ? mails.slice(at + 1) : [];
  found = { ...first, mails: [...first.mails, ...older], next: older.length ? next : first.next };
  draw();
});

async function showOlder() {
  const of = asked;
  const next = found?.next;
  if (!next) return;
  const page = await fetchPage(of, next);
  if (of !== asked) return;
  if (found.next !== next) return showOlder(); // the list went on while this came
  found = { ...found, mails: [...found.mails, ...page.mails], next: page.next };
  draw();
}

function fetchPage({ view, query, state }, before) {
  const ask = new URLSearchParams({ q: query, ...(state ? { state } : {}), ...(before ? { before } : {}) });
  return fetchJson(`/api/${view}?${ask}`);
}

function draw() {
  const { view, query } = asked;
  const { mails, matching, next } = found ?? NOTHING;
  reconcile(list, mails, view === "inbox" ? received : journey);
  list.setAttribute("aria-busy", !found);
  mark();
  setText(byId("list-count"), !found ? "" : query ? count(matching, "match", "matches") : count(matching, "mail"));
  byId("older").hidden = next === null;
  const clear = byId("clear");
  clear.hidden = view !== "inbox" || !mails.length;
  clear.textContent = query ? `Delete ${matching.toLocaleString("en")}` : "Delete all";
  const nothing = query ? "Nothing has all of these words." : view === "inbox" ? "No mail yet. Send one." : "No mail in this state.";
  byId("list-empty").hidden = mails.length > 0;
  setText(byId("list-empty"), found && document.body.dataset.known ? nothing : "Loading");
}

const links = () => [...list.querySelectorAll("a")];

/** Mark the mail that the address names, and let the Tab key stop at one. */
export function mark() {
  for (const link of links()) {
    const open = link.hash === location.hash;
    if (open && !link.ariaCurrent) link.scrollIntoView({ block: "nearest" });
    link.ariaCurrent = open ? "true" : null;
    link.tabIndex = -1;
  }
  const stop = list.querySelector("a:focus") ?? list.querySelector("a[aria-current]") ?? list.querySelector("a");
  if (stop) stop.tabIndex = 0;
}

/** Go to the mail so many places on from the one that is open. */
export async function step(by) {
  const at = links().findIndex((link) => link.hash === location.hash);
  if (at + by >= links().length) await showOlder();
  const to = links()[at < 0 ? 0 : at + by];
  if (to) location.replace(to.hash);
}

/** Ask, and remove what is named from the inbox; the list says what is left. */
export async function remove(path, question) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = question;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  if (dialog.returnValue !== "yes") return;
  await fetchJson(path, { method: "DELETE" });
  location.hash = "#/inbox";
  found = NOTHING; // its further pages are not as they were
  refresh();
}

byId("older").addEventListener("click", showOlder);
byId("clear").addEventListener("click", () => {
  const q = asked.query;
  remove(`/api/inbox?${new URLSearchParams({ q })}`, q ? "Delete the mails that the search finds?" : "Delete all mails?");
});
new IntersectionObserver((seen) => {
  if (seen.some((one) => one.isIntersecting)) showOlder();
}, { root: byId("scroll"), rootMargin: "200px" }).observe(byId("older"));
list.addEventListener("keydown", (event) => {
  const at = links().indexOf(document.activeElement);
  const to = links()[{ ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links().length - 1 }[event.key]];
  if (!to) return;
  event.preventDefault();
  to.focus();
  mark();
});

const received = (mail) => row(HREFS.inbox(mail), mail.to, mail.to.length, mail.at,
  make("span", { class: "subject", dir: "auto" }, mail.subject || "(no subject)"),
  make("span", { class: "muted" }, make("bdi", {}, mail.campaign ?? "")));

const journey = (mail) => row(HREFS.mails(mail), mail.to, mail.to_count, mail.created,
  make("span", { class: "line" }, make("bdi", { class: "muted" }, mail.campaign ?? ""), badge(mail.state)),
  mail.state !== "sent" && mail.why ? make("span", { class: "muted why" }, mail.why) : null);

function row(href, to, recipients, at, ...more) {
  const who = recipients > 1 ? `${to[0]} +${recipients - 1}` : to[0] ?? "?";
  return make("li", {},
    make("a", { href, tabindex: "-1" },
      make("span", { class: "line" }, make("bdi", { class: "who" }, who), make("time", { datetime: at }, timeOf(at))),
      ...more));
}
