// The switches of the simulated provider.
import { byId, make, post } from "./dom.js";

export function showTaqnyat(taqnyat) {
  byId("taqnyat").hidden = !taqnyat;
  if (!taqnyat) return;
  const fields = byId("modes").firstElementChild;
  if (fields.children.length === 1) {
    fields.append(...taqnyat.modes.flatMap((mode, at) => [
      ...(mode.group && mode.group !== taqnyat.modes[at - 1]?.group
        ? [make("h3", { class: "group" }, mode.group)] : []),
      make("label", { class: "mode" },
        make("input", { type: "radio", name: "mode", value: mode.name, "aria-describedby": `help-${mode.name}` }),
        make("span", {}, mode.label),
        make("small", { id: `help-${mode.name}` }, mode.help))]));
  }
  for (const input of fields.querySelectorAll("input")) input.checked = input.value === taqnyat.mode;
  byId("custom").hidden = taqnyat.mode !== "custom";
  const { balance } = taqnyat.account;
  byId("balance").hidden = balance === null;
  byId("balance").dataset.empty = balance !== null && balance <= 0;
  byId("balance-amount").textContent = balance === null ? "" : balance.toLocaleString("en");
}

byId("modes").addEventListener("change", (event) => change({ mode: event.target.value }));
byId("top-up").addEventListener("click", () => change({ top_up: 100 }));

async function change(value) {
  try {
    showTaqnyat(await post("/api/taqnyat", value));
    byId("taqnyat-trouble").textContent = "";
  } catch (error) {
    byId("taqnyat-trouble").textContent = `Not switched: ${error.message}.`;
  }
}
