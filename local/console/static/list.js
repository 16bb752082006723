// The list of mails: received ones, or rows of the ledger. One stop of the Tab key, arrows inside.
import { byId, calm, fetchJson, make, reconcile } from "./dom.js";
import { badge } from "./detail.js";
import { count, timeOf } from "./words.js";

let asked = null; // what the list is of: view, search and state
let mails = [];
let next = null; // where the older ones begin
let matching = 0;
let current = null; // the key of the mail that is open

const keyOf = (view) => (view === "inbox" ? (mail) => String(mail.n) : (mail) => mail.id);

/** Show the list of a view; until it is complete, no other list is shown. */
export function showList(wanted, selected) {
  const other = JSON.stringify(wanted) !== JSON.stringify(asked);
  asked = wanted;
  if (other) {
    [mails, next, matching] = [[], null, 0];
    byId("list").replaceChildren();
    byId("list").setAttribute("aria-busy", "true");
    byId("list-count").textContent = "";
    byId("older").hidden = true;
    byId("clear").hidden = true;
    byId("list-empty").hidden = false;
    byId("list-empty").textContent = "Loading";
  }
  current = selected;
  refresh();
}

const refresh = calm(200, async () => {
  const of = asked;
  const found = await fetchPage(of, null);
  if (of !== asked) return;
  const key = keyOf(of.view);
  const last = found.mails.length ? key(found.mails.at(-1)) : null;
  const at = mails.findIndex((mail) => key(mail) === last);
  const older = at >= 0 && found.next !== null ? mails.slice(at + 1) : [];
  if (!older.length) next = found.next;
  mails = [...found.mails, ...older];
  matching = found.matching;
  draw();
});

/** Show the next page; return whether there was one. */
export async function showOlder() {
  const of = asked;
  if (next === null) return false;
  const found = await fetchPage(of, next);
  if (of !== asked) return false;
  mails = [...mails, ...found.mails];
  next = found.next;
  draw();
  return found.mails.length > 0;
}

/** Forget the pages that are shown, after mails were removed. */
export function reload() {
  mails = [];
  next = null;
  refresh();
}

function fetchPage({ view, query, state }, before) {
  const ask = new URLSearchParams({ q: query, ...(state ? { state } : {}), ...(before ? { before } : {}) });
  return fetchJson(`/api/${view}?${ask}`);
}

function draw() {
  const { view, query } = asked;
  const list = byId("list");
  reconcile(list, mails, keyOf(view), view === "inbox" ? received : journey);
  list.setAttribute("aria-busy", "false");
  mark(current);
  const text = query ? count(matching, "match", "matches") : count(matching, "mail");
  if (byId("list-count").textContent !== text) byId("list-count").textContent = text;
  byId("older").hidden = next === null;
  const clear = byId("clear");
  clear.hidden = view !== "inbox" || !mails.length;
  clear.textContent = query ? `Delete ${matching.toLocaleString("en")}` : "Delete all";
  const empty = byId("list-empty");
  empty.hidden = mails.length > 0;
  empty.textContent = !document.body.dataset.known ? "Loading" : query ? "Nothing has all of these words." : view === "inbox" ? "No mail yet. Send one." : "No mail in this state.";
}

/** Return the key of the mail so many places on from the one that is selected; null if none is. */
export async function neighbour(step) {
  const key = keyOf(asked.view);
  const at = mails.findIndex((mail) => key(mail) === current);
  const to = at < 0 ? 0 : at + step;
  if (to >= mails.length && !(await showOlder())) return null;
  return to < 0 || !mails[to] ? null : key(mails[to]);
}

export function mark(selected) {
  current = selected;
  const links = [...byId("list").querySelectorAll("a")];
  for (const link of links) {
    const on = link.closest("[data-key]").dataset.key === selected;
    if (on) {
      if (!link.hasAttribute("aria-current")) link.scrollIntoView({ block: "nearest" });
      link.setAttribute("aria-current", "true");
    } else link.removeAttribute("aria-current");
    link.tabIndex = -1;
  }
  const stop = links.find((link) => link === document.activeElement || link.hasAttribute("aria-current")) ?? links[0];
  if (stop) stop.tabIndex = 0;
}

export function startList() {
  byId("older").addEventListener("click", showOlder);
  new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting)) showOlder();
  }, { root: byId("scroll"), rootMargin: "200px" }).observe(byId("older"));
  byId("list").addEventListener("keydown", (event) => {
    const links = [...byId("list").querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
    if (to === undefined || !links[to]) return;
    event.preventDefault();
    for (const link of links) link.tabIndex = -1;
    links[to].tabIndex = 0;
    links[to].focus();
  });
}

const received = (mail) => row(`#/inbox/${mail.n}`, mail.to, mail.to.length, mail.at,
  make("span", { class: "subject", dir: "auto" }, mail.subject || "(no subject)"),
  make("span", { class: "muted" }, make("bdi", {}, mail.campaign ?? "")));

const journey = (mail) => row(`#/mails/${encodeURIComponent(mail.id)}`, mail.to, mail.to_count, mail.created,
  make("span", { class: "line" }, make("bdi", { class: "muted" }, mail.campaign ?? ""), badge(mail.state)),
  mail.state !== "sent" && mail.why ? make("span", { class: "muted why" }, mail.why) : null);

function row(href, to, recipients, at, ...more) {
  const who = recipients > 1 ? `${to[0]} +${recipients - 1}` : to[0] ?? "?";
  return make("li", {},
    make("a", { href, tabindex: "-1" },
      make("span", { class: "line" }, make("bdi", { class: "who" }, who), make("time", { datetime: at }, timeOf(at))),
      ...more));
}
