// The journey of one mail, step by step.
import { make } from "./dom.js";
import { after, capital, exactTime, timeOf } from "./words.js";

const VERDICTS = { sent: "sent", retryable: "not sent, will be tried again", terminal: "not sent", unknown: "unknown" };
const STEPS = {
  accepted: (step) => ["Accepted", step.client ? `by the API, for the client “${step.client}”` : "from the queue, sent there by an AWS service"],
  queued: () => ["Queued", "its row is in the ledger, its message in the queue"],
  scheduled: (step) => ["Scheduled", step.until ? `for ${timeOf(step.until * 1000)}` : ""],
  claimed: (step) => ["Claimed", step.lease ? `by a worker, until ${timeOf(step.lease * 1000)} at the latest` : "by a worker, before the call"],
  attempt: (step) => [`Attempt ${step.number}: ${VERDICTS[step.verdict] ?? step.verdict}`, facts(step)],
  waiting: (step) => ["Waiting", `to be tried again: ${step.why}`],
  sent: () => ["Sent", "Taqnyat accepted the mail"],
  failed: (step) => ["Failed", `${step.why}; it is kept in the failed queue`],
  unknown: (step) => ["Unknown", `${step.why}; it waits in the failed queue for a person, and is not sent again on a guess`],
  canceled: () => ["Canceled", "by its owner"],
};

export function timeline(journey) {
  const { steps } = journey;
  return make("ol", { class: "timeline" }, steps.map((step, at) => {
    const [title, text] = (STEPS[step.step] ?? (() => [step.step, ""]))(step);
    const kind = step.step === "attempt" ? step.verdict : step.step;
    const waited = after(steps[at - 1]?.at, step.at);
    return make("li", { "data-state": kind },
      make("h3", {}, title, step.resend ? make("em", {}, " resend") : null),
      step.at ? make("p", { class: "when" }, waited ? make("span", {}, waited) : null,
        make("time", { datetime: step.at }, exactTime(step.at))) : null,
      make("p", {}, capital(text)));
  }));
}

function facts(step) {
  const told = [step.why];
  if (step.status) told.push(`HTTP ${step.status}`);
  if (step.code !== undefined) told.push(`ErrorCode ${step.code}`);
  if (step.ms) told.push(`${step.status ? "answered" : "ended"} after ${step.ms} ms`);
  return told.join(" · ");
}
