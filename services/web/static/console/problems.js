// What needs somebody now, first on the page; what holds is one line.
import { get } from "../api.js";
import { el } from "../dom.js";
import { t } from "../language.js";
import { fromNow } from "../words.js";
import { may } from "./access.js";
import { exposure } from "./amounts.js";
import { readAllBooks, wrong } from "./books.js";
import { counted, isDueSoon, timeLeft } from "./deadlines.js";
import { good, readOperations, troubles } from "./operations.js";
import { command, runbook } from "./runbooks.js";

export async function problems() {
  const found = (await Promise.all([
    may("books:read") ? ofServices() : [], may("payouts:review") ? ofReviews() : [], may("disputes:read") ? ofDisputes() : [], may("payees:review") ? ofPayees() : [],
  ])).flat();
  if (!found.length) return good(t("console.problems-none"));
  return el("ul", { class: "lines" }, found.map(({ text, page, verb, href }) => el("li", {}, el("span", { class: "tag bad" }, t("console.look")),
    el("span", { class: "grow" }, href ? el("a", { href }, text) : el("strong", {}, text), verb ? command(verb) : null), page ? runbook(page) : null)));
}

async function ofServices() {
  const [books, work] = await Promise.all([readAllBooks(), readOperations()]);
  return [...wrong(books), ...troubles(work)];
}

async function ofReviews() {
  const { items } = await get("/v1/operator/payouts");
  const late = items.filter((payout) => payout.decide_by && new Date(payout.decide_by) < new Date());
  return late.length ? [{ text: t("console.reviews-late", { count: late.length, first: fromNow(late[0].decide_by) }), page: "overdue-decisions", href: "#reviews" }] : [];
}

async function ofDisputes() {
  const [disputes, refunds] = await Promise.all([get("/v1/operator/purchase/disputes"), get("/v1/operator/purchase/refunds")]);
  const [open, due] = [counted(disputes.exposure), disputes.items.filter(isDueSoon)];
  return [
    ...(due.length ? [{ text: t("console.disputes-due", { count: due.length, exposure: exposure(due), first: timeLeft(due[0].evidence_due_at) }), page: "dispute-evidence", href: "#desk" }] : []),
    ...(open ? [{ text: t("console.disputes-open", { count: open, exposure: exposure(disputes.exposure) }), href: "#desk" }] : []),
    ...(refunds.items.length ? [{ text: t("console.refunds-unresolved", { count: refunds.items.length, exposure: exposure(refunds.items) }), page: "overdue-work", href: "#refunds" }] : []),
  ];
}

async function ofPayees() {
  const { items } = await get("/v1/operator/payees");
  return items.length ? [{ text: t("console.payees-wait", { count: items.length }), page: "waiting-payees", href: "#payees" }] : [];
}
