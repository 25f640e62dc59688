// Health of each service and whether its books balance: asked of the service itself.
import { get, path } from "../api.js";
import { el, icon, table } from "../dom.js";
import { nameOf, parts, t } from "../language.js";
import { sentence } from "../shell.js";
import { money, number } from "../words.js";
import { numbers, texts, untitled } from "./columns.js";
import { together } from "./together.js";

const SERVICES = ["purchase", "wallet", "gift", "payout", "live"];

/** What each service says of its books. */
export const readAllBooks = together(async () => Object.fromEntries(await Promise.all(SERVICES.map(async (service) => [service, await readBooks(service)]))));

export async function books() {
  const answers = await readAllBooks();
  const all = statements(answers);
  const different = all.filter((statement) => statement.one !== statement.other);
  return [
    different.length ? comparison(different) : el("p", {}, el("span", { class: "tag good" }, icon("check"), t("console.books-hold", { count: all.length }))),
    el("ul", { class: "tiles" }, SERVICES.map((service) => tile(service, answers[service]))),
    el("details", {}, el("summary", {}, t("console.books-all")), comparison(all)),
    el("p", { class: "small muted" }, t("console.books-moments")),
    amounts(answers),
  ];
}

/** The equalities inside one service that do not hold: those are never a matter of time. */
export const wrong = (answers) => statements(answers).filter((each) => !each.between && each.one !== each.other)
  .map((each) => ({ text: t("console.books-wrong", { statement: each.text, one: each.one, other: each.other }), page: "imbalance" }));

const comparison = (rows) => table(t("console.books-table"), [...texts("console.statement"), ...numbers("console.one-side", "console.other-side"), untitled],
  rows.map((each) => [each.text, number(each.one), number(each.other), verdict(each.one === each.other, each.between)]));

async function readBooks(service) {
  const began = performance.now();
  try {
    return { books: await get(path`/v1/operator/${service}/books`), ms: Math.round(performance.now() - began) };
  } catch (error) {
    return { error };
  }
}

const tile = (service, answer) => el("li", { class: "tile" }, el("span", { class: "row between" }, el("strong", {}, nameOf("console-service", service)),
  answer.error ? el("span", { class: "tag bad" }, t("console.down")) : el("span", { class: "tag good" }, icon("check"), t("console.healthy"))),
el("span", { class: "small muted" }, answer.error ? sentence(answer.error) : t("console.answers-in", { purpose: nameOf("console-purpose", service), milliseconds: answer.ms })));

/** Sides of each statement; a service that is down has none to show. */
function statements({ purchase, wallet, gift, payout }) {
  const [p, w, g, d] = [purchase, wallet, gift, payout].map((answer) => answer.books);
  const rows = [];
  const compare = (key, one, other, between = false) => rows.push({ text: t(key), one, other, between });
  if (w) {
    compare("console.wallet-postings", w.postings_sum, 0);
    compare("console.wallet-lots", w.balances_coins, w.lots_coins);
    compare("console.wallet-flow", w.issued_coins, w.spent_coins + w.refunded_coins + w.disputed_coins + w.adjusted_coins + w.expired_coins + w.forfeited_coins + w.balances_coins - w.debt_coins);
  }
  if (p) compare("console.purchase-postings", p.postings_sum, 0);
  if (d) {
    compare("console.payout-postings", d.postings_sum, 0);
    compare("console.payout-flow", d.diamonds_earned + d.diamonds_adjusted + d.bonus_diamonds + d.dispute_loss_diamonds, d.diamonds_pending + d.diamonds_available + d.diamonds_reserved + d.diamonds_paid_out);
  }
  if (p && w) compare("console.coins-issued", p.coins_credited, w.issued_coins, true);
  if (g && w) compare("console.gifts-paid", g.sent, w.gifts, true);
  if (g && d) compare("console.gifts-earned", g.coins_sent, d.coins_of_gifts, true);
  return rows;
}

const verdict = (equal, between) => (equal ? el("span", { class: "tag good" }, icon("check"), t("console.equal")) :
  el("span", { class: `tag ${between ? "warn" : "bad"}` }, t(between ? "console.differs" : "console.wrong")));

function amounts({ purchase, payout }) {
  const sum = (answer) => el("strong", {}, answer.books?.paid_amounts.map((part) => money(part.amount_minor, part.currency)).join(" + ") || t("console.nothing-yet"));
  return el("p", {}, parts("console.taken-and-paid", { taken: sum(purchase), paid: sum(payout) }));
}
