// The pipeline with its live numbers, and the pause.
import { byId, make, say, setText } from "./dom.js";
import { capital, count, timeOf } from "./words.js";

const STATES = ["sent", "queued", "sending", "scheduled", "failed", "unknown", "canceled"];
const INTAKE = { Enabled: "reading the queue", Disabled: "stopped", Enabling: "starting", Disabling: "stopping" };
const LATE_SECONDS = 20;
let pause = null;

export function showPipeline(pipeline, taqnyat, inbox) {
  if (!pipeline.states) return;
  const { queue, states } = pipeline;
  const mode = taqnyat?.modes.find((one) => one.name === taqnyat.mode)?.label.toLowerCase();
  const { up } = pipeline;
  const rest = [
    queue.bulk ? `${queue.bulk.toLocaleString("en")} in the bulk lane` : null,
    queue.in_flight ? `${queue.in_flight} in flight` : null,
    queue.delayed ? `${queue.delayed} for later` : null,
  ].filter(Boolean);
  const stages = [
    ["accepted", "Accepted", pipeline.total, "by the API, or on the queue", ""],
    ["queue", "Mail queue", queue.visible, rest.join(", ") || "both lanes", queue.visible ? "busy" : ""],
    ["worker", "Worker", states.sending, INTAKE[pipeline.intake] ?? pipeline.intake.toLowerCase(),
      pipeline.intake === "Enabled" ? "" : "stopped"],
    ["taqnyat", "Taqnyat", inbox ? inbox.accepted : states.sent,
      mode ?? (up === false ? "down" : up ? "up" : taqnyat ? "scripted" : "not checked yet"),
      taqnyat && taqnyat.mode !== "operational" ? "trouble" : ""],
    ["failed-queue", "Failed queue", pipeline.failed_queue, "kept for a person",
      pipeline.failed_queue ? "trouble" : ""],
  ];
  byId("stages").replaceChildren(...stages.map(([name, title, number, note, mark]) =>
    make("li", { "data-stage": name, "data-mark": mark },
      make("h3", {}, title), make("b", {}, number.toLocaleString("en")), make("span", { class: "muted" }, note))));
  showStates(states, pipeline.total);
  say("money", pipeline.money);
  say("rate", pipeline.rate);
  say("alarms", pipeline.alarms.length ? `Active alarms: ${pipeline.alarms.join(", ")}` : null);
  showBlamed(pipeline.blamed, pipeline.pause.paused);
  showPause(pipeline.pause);
}

function showStates(states, total) {
  const shown = STATES.filter((state) => states[state] || !["scheduled", "canceled"].includes(state));
  byId("states").replaceChildren(...shown.map((state) =>
    make("div", { "data-state": state }, make("dt", {}, state), make("dd", {}, states[state].toLocaleString("en")))));
  const bar = byId("bar");
  if (!bar.children.length) bar.append(...STATES.map((state) => make("i", { "data-state": state })));
  STATES.forEach((state, at) => { bar.children[at].style.flexGrow = total ? states[state] / total : 0; });
}

/** Name the mails whose answers paused; or the one after which one more such answer will. */
function showBlamed(mails, paused) {
  const box = byId("blamed");
  const key = JSON.stringify([mails, paused]);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.hidden = !mails.length;
  box.replaceChildren(
    paused ? "Paused by the answers to: " : "Suspected, the mail or the account; one more such answer pauses: ",
    ...mails.flatMap(({ id, why }, at) => [
      at ? ", " : "", make("a", { href: `#/mails/${id}` }, id.slice(0, 8)), ` (${why})`]));
}

function showPause(now) {
  const box = byId("pause");
  const was = pause;
  pause = now.paused ? now : null;
  if (pause) {
    setText(byId("pause-title"), "Sending is paused.");
    const why = pause.by === "operator" ? "By an operator" : capital(pause.why || "no reason is known");
    setText(byId("pause-text"),
      `${why}${pause.detail ? ` (${pause.detail})` : ""}, since ${timeOf(pause.since * 1000)}. Mails are accepted and wait; none is lost.`);
    box.dataset.kind = "paused";
    box.hidden = false;
  } else if (was) {
    setText(byId("pause-title"), "Sending goes on.");
    setText(byId("pause-text"), "The probe went through; what waited is being sent.");
    box.dataset.kind = "resumed";
    setTimeout(() => { if (!pause) box.hidden = true; }, 8000);
  }
  tick();
}

function tick() {
  const box = byId("pause-probe");
  if (!pause) return setText(box, "");
  if (!pause.next_probe) return setText(box, "No probe: an operator has to resume.");
  const left = Math.ceil(pause.next_probe - Date.now() / 1000);
  const tried = pause.probes ? `, ${count(pause.probes, "probe")} failed` : "";
  const late = left <= -LATE_SECONDS;
  setText(box, left > 0 ? `Next probe in ${left} s${tried}` : late ? "The probe is late: does the status check run?" : `Probing now${tried}`);
}
setInterval(tick, 500);
