// What needs somebody now, first on the page; what holds is one line.
import { get } from "../api.js";
import { el } from "../dom.js";
import { fromNow, plural } from "../words.js";
import { may } from "./access.js";
import { exposure } from "./amounts.js";
import { readAllBooks, wrong } from "./books.js";
import { good, readOperations, troubles } from "./operations.js";
import { command, runbook } from "./runbooks.js";

export async function problems() {
  const found = (await Promise.all([may("books:read") ? ofServices() : [], may("payouts:review") ? ofReviews() : [], may("disputes:read") ? ofDisputes() : []])).flat();
  if (!found.length) return good("Nothing needs you now");
  return el("ul", { class: "lines" }, found.map(({ text, page, verb, href }) => el("li", {}, el("span", { class: "tag bad" }, "look"),
    el("span", { class: "grow" }, href ? el("a", { href }, text) : el("strong", {}, text), verb ? command(verb) : null), page ? runbook(page) : null)));
}

async function ofServices() {
  const [books, work] = await Promise.all([readAllBooks(), readOperations()]);
  return [...wrong(books), ...troubles(work)];
}

async function ofReviews() {
  const { items } = await get("/v1/operator/payouts");
  const late = items.filter((payout) => payout.decide_by && new Date(payout.decide_by) < new Date());
  return late.length ? [{ text: `${plural(late.length, "payout")} should have been decided, the first ${fromNow(late[0].decide_by)}`, page: "overdue-decisions", href: "#reviews" }] : [];
}

async function ofDisputes() {
  const [disputes, refunds] = await Promise.all([get("/v1/operator/purchase/disputes"), get("/v1/operator/purchase/refunds")]);
  const open = disputes.items.filter((dispute) => dispute.state === "open");
  return [
    ...(open.length ? [{ text: `${plural(open.length, "dispute is", "disputes are")} open: ${exposure(open)}`, href: "#desk" }] : []),
    ...(refunds.items.length ? [{ text: `${plural(refunds.items.length, "refund is", "refunds are")} unresolved: ${exposure(refunds.items)}`, page: "overdue-work", href: "#refunds" }] : []),
  ];
}
