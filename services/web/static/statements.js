// Statements of months and years: what each brought and paid, and the whole of it as a file to keep.
import { get, getFile, path } from "./api.js";
import { diamonds, el, empty, save } from "./dom.js";
import { locale, t } from "./language.js";
import { card, doing } from "./shell.js";
import { day, money } from "./words.js";

/** @type {[string, string][]} */
const FORMS = [["pdf", "PDF"], ["csv", "CSV"]];
const SHOWN = 12;

export function statements() {
  return card(t("statement.title"), async () => {
    const { items } = await get("/v1/earnings/me/statements");
    if (!items.length) return empty(t("statement.none"), t("statement.none-text"));
    const months = items.filter(({ period }) => period.includes("-"));
    const years = items.filter(({ period }) => !period.includes("-"));
    return [
      el("p", { class: "small muted" }, t("statement.text")),
      el("ul", { class: "lines" }, months.slice(0, SHOWN).map(line)),
      months.length > SHOWN ? el("details", {}, el("summary", {}, t("statement.older", { count: months.length - SHOWN })), el("ul", { class: "lines" }, months.slice(SHOWN).map(line))) : null,
      el("h3", {}, t("statement.years")), el("ul", { class: "lines" }, years.map(line)),
    ];
  }, { id: "statements" });
}

const line = (statement) => el("li", {},
  el("span", { class: "grow" }, el("strong", {}, named(statement.period)),
    el("span", { class: "small muted" }, standing(statement)),
    statement.paid_out.map((paid) => el("span", { class: "small" }, t("statement.paid", { amount: money(paid.amount_minor, paid.currency) })))),
  el("span", { title: t("statement.earned") }, diamonds(statement.earned_diamonds)),
  FORMS.map(([form, name]) => el("button", { class: "tiny", "aria-label": t("statement.as", { period: statement.period, form: name }), onclick: (event) => doing(event.currentTarget, () => download(statement.period, form)) }, name)));

/** `2026-11` as a month of the page's language; a year stays a number. */
function named(period) {
  if (!period.includes("-")) return period;
  return new Date(`${period}-01T00:00:00Z`).toLocaleDateString(locale, { month: "long", year: "numeric", timeZone: "UTC" });
}

function standing({ closed_at: at, number }) {
  if (!at) return t("statement.open");
  return number ? t("statement.closed-number", { number, day: day(at) }) : t("statement.closed", { day: day(at) });
}

/** A link alone would have no token: the file is fetched, and handed over from here. */
async function download(period, form) {
  save(await getFile(path`/v1/earnings/me/statements/${period}?format=${form}`), `statement-${period}.${form}`);
}
