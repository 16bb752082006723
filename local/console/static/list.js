// The list of mails: received ones, or rows of the ledger. One stop of the Tab key, arrows inside.
import { byId, make, reconcile } from "./dom.js";
import { badge } from "./detail.js";
import { count, timeOf } from "./words.js";

export function showList(view, found, selected, query) {
  const list = byId("list");
  const build = view === "inbox" ? received : row;
  reconcile(list, found.mails, (mail) => (view === "inbox" ? mail.n : mail.id), build);
  mark(selected);
  const more = found.matching > found.mails.length ? `, the newest ${found.mails.length}` : "";
  const text = query ? `${count(found.matching, "match", "matches")}${more}` : `${count(found.matching, "mail")}${more}`;
  if (byId("list-count").textContent !== text) byId("list-count").textContent = text;
  const empty = byId("list-empty");
  empty.hidden = found.mails.length > 0;
  empty.textContent = query ? "Nothing has all of these words." : view === "inbox" ? "No mail yet. Send one." : "No mail in this state.";
}

export function mark(selected) {
  const links = [...byId("list").querySelectorAll("a")];
  for (const link of links) {
    const on = link.closest("[data-key]").dataset.key === selected;
    if (on) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    link.tabIndex = -1;
  }
  const stop = links.find((link) => link === document.activeElement || link.hasAttribute("aria-current")) ?? links[0];
  if (stop) stop.tabIndex = 0;
}

export function startList() {
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

function received(mail) {
  return make("li", {},
    make("a", { href: `#/inbox/${mail.n}`, tabindex: "-1" },
      make("span", { class: "line" },
        make("bdi", { class: "who" }, mail.to.length > 1 ? `${mail.to[0]} +${mail.to.length - 1}` : mail.to[0] ?? "?"),
        make("time", { datetime: mail.at }, timeOf(mail.at))),
      make("span", { class: "subject", dir: "auto" }, mail.subject || "(no subject)"),
      make("span", { class: "muted" }, make("bdi", {}, mail.campaign ?? ""))));
}

function row(mail) {
  return make("li", {},
    make("a", { href: `#/mails/${encodeURIComponent(mail.id)}`, tabindex: "-1" },
      make("span", { class: "line" },
        make("bdi", { class: "who" }, mail.to_count > 1 ? `${mail.to[0]} +${mail.to_count - 1}` : mail.to[0] ?? "?"),
        make("time", { datetime: mail.created }, timeOf(mail.created))),
      make("span", { class: "line" },
        make("bdi", { class: "muted" }, mail.campaign ?? ""), badge(mail.state)),
      mail.state !== "sent" && mail.why ? make("span", { class: "muted why" }, mail.why) : null));
}
