// Statements of months and years: what was there, what changed, what is left; to read and to keep.
import { get, getFile, path } from "./api.js";
import { el, empty, icon, save } from "./dom.js";
import { card, doing } from "./shell.js";
import { day } from "./words.js";

const FORMS = [["pdf", "PDF"], ["csv", "CSV"]];
const SHOWN_MAX = 24;

export function statements() {
  return card("Statements", async () => {
    const { items } = await get("/v1/earnings/me/statements");
    if (!items.length) return empty("No statement yet", "Each month in which something was earned or paid out has one.");
    return el("ul", { class: "lines" }, items.slice(0, SHOWN_MAX).map(line));
  }, { id: "statements" });
}

const line = (statement) => el("li", {}, icon("clock"),
  el("span", { class: "grow" }, el("strong", {}, statement.period),
    el("span", { class: "small muted" }, statement.closed_at ? `${statement.number ? `${statement.number}, ` : ""}closed on ${day(statement.closed_at)}` : "not over yet")),
  FORMS.map(([form, name]) => el("button", { class: "tiny", "aria-label": `Statement of ${statement.period} as ${name}`, onclick: (event) => doing(event.currentTarget, () => download(statement.period, form)) }, name)));

/** A link alone would have no token: the file is fetched, and handed over from here. */
async function download(period, form) {
  save(await getFile(path`/v1/earnings/me/statements/${period}?format=${form}`), `statement-${period}.${form}`);
}
