// The console: what the address names is shown; events say when to look again.
import "./compose.js";
import { showJourney, showLetter, showNothing } from "./detail.js";
import { byId, calm, fetchJson, make, setText } from "./dom.js";
import { mark, showList, step } from "./list.js";
import { showPipeline } from "./pipeline.js";
import { showTaqnyat } from "./taqnyat.js";
import { showWebhooks } from "./webhooks.js";

const STATES = ["scheduled", "queued", "sending", "sent", "failed", "unknown", "canceled"];
const LIVE = { live: "Live", trouble: "The emulator does not answer", lost: "The stack is gone" };
const known = { pipeline: {}, taqnyat: null, inbox: null };
let route = { view: "inbox", selected: null };

const search = byId("search");
const state = byId("state");
state.append(make("option", { value: "" }, "any state"),
  ...STATES.map((name) => make("option", { value: name }, name)));

function refreshList() {
  const inbox = route.view === "inbox";
  showList({ view: route.view, query: search.value.trim(), state: inbox ? "" : state.value });
}

const refreshDetail = calm(200, async () => {
  const of = route;
  if (of.selected === null) {
    return showNothing(of.view === "inbox"
      ? "Choose a mail to see how it arrived." : "Choose a mail to see its steps.");
  }
  try {
    const shown = await fetchJson(`/api/${of.view}/${encodeURIComponent(of.selected)}`);
    if (of === route) (of.view === "inbox" ? showLetter : showJourney)(shown);
  } catch (error) {
    showNothing(error.status === 404 ? "This mail is no longer here." : error.message);
  }
});

function go() {
  const [, view, selected] = location.hash.split("/");
  const fallback = known.inbox === null && known.pipeline.states ? "mails" : "inbox";
  route = {
    view: ["inbox", "mails"].includes(view) ? view : fallback,
    selected: selected ? decodeURIComponent(selected) : null,
  };
  const inbox = route.view === "inbox";
  byId("list-title").textContent = inbox ? "Inbox" : "Journeys";
  byId("to-inbox").ariaCurrent = inbox ? "page" : null;
  byId("to-mails").ariaCurrent = inbox ? null : "page";
  state.hidden = inbox;
  refreshList();
  mark();
  refreshDetail();
}

function live(mode) {
  byId("live").dataset.state = mode;
  setText(byId("live"), LIVE[mode]);
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, textarea, select, dialog *");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const does = { j: () => step(1), k: () => step(-1), "/": () => search.focus() }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
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
go();

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
  showPipeline(known.pipeline, known.taqnyat, known.inbox);
  byId("mails-count").textContent = known.pipeline.total?.toLocaleString("en") ?? "";
  byId("inbox-count").textContent = known.inbox?.kept.toLocaleString("en") ?? "";
  byId("to-inbox").hidden = known.inbox === null;
  live(known.pipeline.error ? "trouble" : "live");
});
events.addEventListener("error", () => live("lost")); // the browser tries again by itself
