// Small helpers over the DOM. Text goes in as text only; nothing here reads HTML.

export const byId = (id) => document.getElementById(id);

/** Make an element: attributes, then children (strings become text, null is left out). */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Set a text; one that stays is not told again by a screen reader. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show a text in an element that is there for it only; without one hide it. */
export function say(id, text) {
  byId(id).hidden = !text;
  setText(byId(id), text ?? "");
}

export const badge = (state) => make("span", { class: "badge", "data-state": state }, state);

/** Give a list these rows, keeping the elements whose content stays, and the focus. */
export function reconcile(list, rows, build) {
  const old = new Map([...list.children].map((child) => [child.dataset.content, child]));
  const children = rows.map((row) => {
    const content = JSON.stringify(row);
    const child = old.get(content) ?? build(row);
    child.dataset.content = content;
    return child;
  });
  if (children.length === list.children.length && children.every((child, at) => child === list.children[at])) return;
  const focused = list.contains(document.activeElement) ? document.activeElement.hash : undefined;
  list.replaceChildren(...children);
  if (focused) [...list.querySelectorAll("a")].find((link) => link.hash === focused)?.focus();
}

/** Call a function at most once in so many milliseconds, the last call always. */
export function calm(milliseconds, call) {
  let before = Promise.resolve();
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    before = before.then(() => {
      waits = false;
      return call();
    }).catch(reportError).then(() => new Promise((done) => setTimeout(done, milliseconds)));
  };
}

export async function fetchJson(path, options = {}) {
  const answer = await fetch(path, options);
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const error = new Error(body.message || `the console answered ${answer.status}`);
    error.status = answer.status;
    throw error;
  }
  return body;
}

export const post = (path, value) => fetchJson(path, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value),
});
