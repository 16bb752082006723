// The form that sends a mail.
import { byId, post } from "./dom.js";

export function startCompose(sent) {
  const [dialog, form, answer] = ["compose", "compose-form", "compose-answer"].map(byId);
  const close = () => dialog.close();
  byId("compose-open").addEventListener("click", () => {
    answer.textContent = "";
    dialog.showModal();
    byId("f-to").focus();
  });
  byId("compose-close").addEventListener("click", close);
  byId("compose-cancel").addEventListener("click", close);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = byId("compose-send");
    button.disabled = true;
    answer.textContent = "";
    try {
      const { id } = await post("/api/emails", read(form));
      close();
      sent(id);
    } catch (error) {
      answer.textContent = `Not accepted: ${error.message}`;
      blame(form, error.message);
    } finally {
      button.disabled = false;
    }
  });
}

function read(form) {
  const given = new FormData(form);
  const text = (name) => given.get(name).trim();
  const mail = {
    from: text("from"),
    to: text("to").split(",").map((part) => part.trim()).filter(Boolean),
    subject: text("subject"),
    [given.get("kind")]: given.get("body"),
  };
  for (const name of ["campaign_name", "on_unknown"]) if (text(name)) mail[name] = text(name);
  return mail;
}

/** An error of the API begins with the field that is wrong: go there. */
function blame(form, message) {
  const name = /^`(\w+)/.exec(message)?.[1];
  const field = form.elements[{ html: "body", text: "body" }[name] ?? name];
  if (field?.focus) field.focus();
}
