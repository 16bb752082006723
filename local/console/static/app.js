// The console: what the address names is shown; events say when to look again.
import { startCompose } from "./compose.js";
import { refreshLetter, showJourney, showLetter, showNothing } from "./detail.js";
import { byId, calm, fetchJson, make } from "./dom.js";
import { mark, showList, startList } from "./list.js";
import { showPipeline } from "./pipeline.js";
import { showTaqnyat, startTaqnyat } from "./taqnyat.js";

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

const refreshList = calm(200, async () => {
  const { view, selected } = route;
  const query = search.value.trim();
  const ask = new URLSearchParams({ q: query, ...(view === "mails" ? { state: state.value } : {}) });
  const found = await fetchJson(`/api/${view}?${ask}`);
  if (view === route.view) showList(view, found, selected === null ? null : String(route.selected), query);
});

const refreshDetail = calm(200, async () => {
  const { view, selected } = route;
  if (selected === null) {
    open = null;
    return showNothing(view === "inbox"
      ? "Choose a mail to see how it arrived." : "Choose a mail to follow its way.");
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
  if (before.view !== route.view) byId("list").replaceChildren();
  mark(route.selected);
  refreshList();
  refreshDetail();
}

function show() {
  showPipeline(known.pipeline, known.taqnyat, known.inbox);
  byId("mails-count").textContent = (known.pipeline.total ?? 0).toLocaleString("en");
  byId("inbox-count").textContent = (known.inbox?.kept ?? 0).toLocaleString("en");
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
  const take = (name, then) => events.addEventListener(name, (event) => {
    then(JSON.parse(event.data));
    show();
  });
  take("state", (data) => {
    Object.assign(known, data);
    showTaqnyat(known.taqnyat);
    go();
  });
  take("pipeline", (data) => { known.pipeline = data; });
  take("taqnyat", (data) => { known.taqnyat = data; showTaqnyat(data); });
  take("inbox", (data) => {
    known.inbox = data;
    if (route.view === "inbox") refreshList();
  });
  take("mails", ({ changed }) => {
    if (route.view === "mails") refreshList();
    if (route.selected !== null && (route.view === "inbox" || !changed || changed.includes(route.selected))) refreshDetail();
  });
  events.addEventListener("error", () => live("lost")); // the browser tries again by itself
}

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
listen();
