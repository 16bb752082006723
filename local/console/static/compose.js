// The form that sends a mail.
import { byId, post } from "./dom.js";

const [dialog, form, answer, send] = ["compose", "compose-form", "compose-answer", "compose-send"].map(byId);

byId("compose-open").addEventListener("click", () => {
  answer.textContent = "";
  dialog.showModal();
});
for (const id of ["compose-close", "compose-cancel"]) byId(id).addEventListener("click", () => dialog.close());
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  send.disabled = true;
  answer.textContent = "";
  try {
    const { id } = await post("/api/emails", read());
    dialog.close();
    location.hash = `#/mails/${id}`;
  } catch (error) {
    answer.textContent = `Not accepted: ${error.message}`;
    blame(error.message);
  } finally {
    send.disabled = false;
  }
});

function read() {
  const { kind, body, to, ...fields } = Object.fromEntries(new FormData(form));
  const given = Object.entries(fields).map(([name, text]) => [name, text.trim()]).filter(([, text]) => text);
  return { ...Object.fromEntries(given), [kind]: body, to: to.split(",").map((part) => part.trim()).filter(Boolean) };
}

/** An error of the API begins with the field that is wrong: go there. */
function blame(message) {
  const name = /^`(\w+)/.exec(message)?.[1];
  const field = form.elements[{ html: "body", text: "body" }[name] ?? name];
  if (field?.focus) field.focus();
}
