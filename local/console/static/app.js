// The console: what the address names is shown; events say when to look again.
import { startCompose } from "./compose.js";
import { refreshLetter, showJourney, showLetter, showNothing } from "./detail.js";
import { byId, calm, fetchJson, make } from "./dom.js";
import { mark, neighbour, reload, showList, startList } from "./list.js";
import { showPipeline } from "./pipeline.js";
import { showTaqnyat, startTaqnyat } from "./taqnyat.js";
import { showWebhooks } from "./webhooks.js";

const STATES = ["scheduled", "queued", "sending", "sent", "failed", "unknown", "canceled"];
const known = { pipeline: {}, taqnyat: null, inbox: null };
let route = { view: "inbox", selected: null };
let open = null; // what the detail shows: "inbox/3"

const search = byId("search");
const state = byId("state");
state.append(make("option", { value: "" }, "any state"),
  ...STATES.map((name) => make("option", { value: name }, name)));

function readRoute() {
  const [, view, selected] = location.hash.split("/");
  const fallback = known.inbox === null && known.pipeline.states ? "mails" : "inbox";
  return {
    view: ["inbox", "mails"].includes(view) ? view : fallback,
    selected: selected ? decodeURIComponent(selected) : null,
  };
}

function refreshList() {
  const { view, selected } = route;
  const query = search.value.trim();
  showList({ view, query, state: view === "mails" ? state.value : "" }, selected);
}

const refreshDetail = calm(200, async () => {
  const { view, selected } = route;
  if (selected === null) {
    open = null;
    return showNothing(view === "inbox"
      ? "Choose a mail to see how it arrived." : "Choose a mail to see its steps.");
  }
  const name = `${view}/${selected}`;
  try {
    const shown = await fetchJson(`/api/${view}/${encodeURIComponent(selected)}`);
    if (name !== `${route.view}/${route.selected}`) return;
    if (view === "mails") showJourney(shown);
    else if (open === name) refreshLetter(shown);
    else showLetter(shown);
    open = name;
  } catch (error) {
    open = null;
    showNothing(error.status === 404 ? "This mail is no longer here." : error.message);
  }
});

function go() {
  const before = route;
  route = readRoute();
  const inbox = route.view === "inbox";
  byId("list-title").textContent = inbox ? "Inbox" : "Journeys";
  state.hidden = inbox;
  for (const [id, on] of [["to-inbox", inbox], ["to-mails", !inbox]]) {
    if (on) byId(id).setAttribute("aria-current", "page");
    else byId(id).removeAttribute("aria-current");
  }
  if (before.view === route.view) mark(route.selected);
  refreshList();
  refreshDetail();
}

function show() {
  showPipeline(known.pipeline, known.taqnyat, known.inbox);
  byId("mails-count").textContent = known.pipeline.total?.toLocaleString("en") ?? "";
  byId("inbox-count").textContent = known.inbox?.kept.toLocaleString("en") ?? "";
  byId("to-inbox").hidden = known.inbox === null;
  live(known.pipeline.error ? "trouble" : "live");
}

function live(mode) {
  const box = byId("live");
  if (box.dataset.state === mode) return;
  box.dataset.state = mode;
  box.textContent = { live: "Live", trouble: "The emulator does not answer", lost: "The stack is gone" }[mode];
}

function listen() {
  const events = new EventSource("/events");
  events.addEventListener("message", ({ data }) => {
    const news = JSON.parse(data);
    Object.assign(known, news);
    const first = !document.body.dataset.known;
    document.body.dataset.known = "true";
    if ("taqnyat" in news) showTaqnyat(known.taqnyat);
    if ("webhooks" in news) showWebhooks(known.webhooks);
    if (first) go();
    else if (route.view in news) refreshList();
    if (news.mails && route.selected !== null) refreshDetail();
    show();
  });
  events.addEventListener("error", () => live("lost")); // the browser tries again by itself
}

/** Go to the mail before or after the one that is open. */
async function step(by) {
  const key = await neighbour(by);
  if (key !== null) location.replace(`#/${route.view}/${encodeURIComponent(key)}`);
}

/** Remove what is named; the list says what is left. */
async function remove(path, question) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = question;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  if (dialog.returnValue !== "yes") return;
  await fetchJson(path, { method: "DELETE" });
  location.hash = "#/inbox";
  reload();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, textarea, select, dialog *");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const does = { j: () => step(1), k: () => step(-1), "/": () => search.focus() }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
});
byId("clear").addEventListener("click", () => {
  const q = search.value.trim();
  remove(`/api/inbox?${new URLSearchParams({ q })}`, q ? "Delete the mails that the search finds?" : "Delete all mails?");
});
byId("detail").addEventListener("click", (event) => {
  const does = event.target.closest("[data-do]")?.dataset.do;
  if (does === "next") step(1);
  if (does === "previous") step(-1);
  if (does === "delete") remove(`/api/inbox/${route.selected}`, "Delete this mail?");
});
search.addEventListener("input", refreshList);
state.addEventListener("change", refreshList);
byId("detail").addEventListener("keydown", (event) => {
  if (event.key === "Escape") byId("list").querySelector("a[tabindex='0']")?.focus();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the view; the list gets the focus
  (byId("list").querySelector("a[tabindex='0']") ?? search).focus();
});
window.addEventListener("hashchange", go);
startList();
startTaqnyat();
startCompose((id) => { location.hash = `#/mails/${id}`; });
go();
listen();
