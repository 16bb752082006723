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

/** Give a list these rows, keeping the elements whose key and content stay, and the focus. */
export function reconcile(list, rows, key, build) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const focused = list.contains(document.activeElement)
    ? document.activeElement.closest("[data-key]")?.dataset.key
    : undefined;
  const children = rows.map((row) => {
    const name = String(key(row));
    const content = JSON.stringify(row);
    const kept = old.get(name);
    if (kept?.dataset.content === content) return kept;
    const made = build(row);
    made.dataset.key = name;
    made.dataset.content = content;
    return made;
  });
  if (children.length !== list.children.length || children.some((c, i) => c !== list.children[i])) {
    list.replaceChildren(...children);
    if (focused !== undefined) {
      children.find((child) => child.dataset.key === focused)?.querySelector("a")?.focus();
    }
  }
}

/** Call a function at most once in so many milliseconds, the last call always. */
export function calm(milliseconds, call) {
  let timer = null;
  let again = false;
  const run = async () => {
    again = false;
    try {
      await call();
    } finally {
      timer = setTimeout(() => {
        timer = null;
        if (again) ask();
      }, milliseconds);
    }
  };
  const ask = () => {
    again = true;
    if (timer === null) {
      timer = 0;
      run();
    }
  };
  return ask;
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

export const post = (path, value) =>
  fetchJson(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(value),
  });
