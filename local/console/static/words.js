// Times and names as a person reads them.

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const exact = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
});
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

export const timeOf = (iso) => (iso ? clock.format(new Date(iso)) : "");
export const exactTime = (iso) => (iso ? exact.format(new Date(iso)) : "");
export const dayOf = (iso) => (iso ? day.format(new Date(iso)) : "");

/** "1 mail", "2 mails". */
export const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** The time since an earlier step: "+12 ms", "+3.2 s", "+2 min"; empty if it is not known. */
export function after(from, to) {
  const ms = new Date(to) - new Date(from ?? to);
  if (!(ms > 0)) return "";
  if (ms < 1000) return `+${ms} ms`;
  if (ms < 90_000) return `+${(ms / 1000).toFixed(1)} s`;
  return `+${Math.round(ms / 60_000)} min`;
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
