// Health of each service and whether its books balance: asked of the service itself.
import { get, path } from "../api.js";
import { el, icon, table } from "../dom.js";
import { sentence } from "../shell.js";
import { money, number } from "../words.js";

const SERVICES = [
  ["purchase", "Purchase", "real money becomes coins"], ["wallet", "Wallet", "who holds how many coins"], ["gift", "Gift", "what viewers send"],
  ["payout", "Payout", "diamonds become money"], ["live", "Live", "what a room sees"],
];

/** What each service says of its books. */
export const readAllBooks = async () => Object.fromEntries(await Promise.all(SERVICES.map(async ([service]) => [service, await readBooks(service)])));

export async function books() {
  const answers = await readAllBooks();
  const all = statements(answers);
  const different = all.filter((statement) => statement.one !== statement.other);
  return [
    el("ul", { class: "tiles" }, SERVICES.map(([service, name, text]) => tile(name, text, answers[service]))),
    different.length ? comparison(different) : el("p", {}, el("span", { class: "tag good" }, icon("check"), `All ${all.length} equalities hold`)),
    el("details", {}, el("summary", {}, "What must be true"), comparison(all)),
    el("p", { class: "small muted" }, "Read at slightly different moments: between services a difference for a moment is a message on its way."),
    amounts(answers),
  ];
}

/** The equalities inside one service that do not hold: those are never a matter of time. */
export const wrong = (answers) => statements(answers).filter((each) => !each.between && each.one !== each.other).map((each) => ({ text: `WRONG: ${each.text}: ${number(each.one)} and ${number(each.other)}`, page: "imbalance" }));

const comparison = (rows) => table("What must be true in the books", [{ title: "Statement" }, { title: "One side", number: true }, { title: "Other side", number: true }, { title: "" }],
  rows.map((each) => [each.text, number(each.one), number(each.other), verdict(each.one === each.other, each.between)]));

async function readBooks(service) {
  const began = performance.now();
  try {
    return { books: await get(path`/v1/operator/${service}/books`), ms: Math.round(performance.now() - began) };
  } catch (error) {
    return { error };
  }
}

const tile = (name, text, answer) => el("li", { class: "tile" }, el("span", { class: "row between" }, el("strong", {}, name),
  answer.error ? el("span", { class: "tag bad" }, "down") : el("span", { class: "tag good" }, icon("check"), "well")),
el("span", { class: "small muted" }, answer.error ? sentence(answer.error) : `${text}; answers in ${answer.ms} ms`));

/** Sides of each statement; a service that is down has none to show. */
function statements({ purchase, wallet, gift, payout }) {
  const [p, w, g, d] = [purchase, wallet, gift, payout].map((answer) => answer.books);
  const rows = [];
  const compare = (text, one, other, between = false) => rows.push({ text, one, other, between });
  if (w) {
    compare("Wallet: all postings sum to zero", w.postings_sum, 0);
    compare("Wallet: balances are the coins of the lots", w.balances_coins, w.lots_coins);
    compare("Wallet: what came is what went and what is there", w.issued_coins, w.spent_coins + w.refunded_coins + w.disputed_coins + w.adjusted_coins + w.expired_coins + w.forfeited_coins + w.balances_coins - w.debt_coins);
  }
  if (p) compare("Purchase: all postings sum to zero", p.postings_sum, 0);
  if (d) {
    compare("Payout: all postings sum to zero", d.postings_sum, 0);
    compare("Payout: what was earned is pending, available, reserved or paid out", d.diamonds_earned + d.diamonds_adjusted + d.bonus_diamonds + d.dispute_loss_diamonds, d.diamonds_pending + d.diamonds_available + d.diamonds_reserved + d.diamonds_paid_out);
  }
  if (p && w) compare("Coins credited by purchases are coins issued by the wallet", p.coins_credited, w.issued_coins, true);
  if (g && w) compare("Gifts sent are gifts the wallet paid", g.sent, w.gifts, true);
  if (g && d) compare("Coins of gifts are coins that became diamonds", g.coins_sent, d.coins_of_gifts, true);
  return rows;
}

const verdict = (equal, between) => (equal ? el("span", { class: "tag good" }, icon("check"), "equal") :
  el("span", { class: `tag ${between ? "warn" : "bad"}` }, between ? "differs now" : "WRONG"));

function amounts({ purchase, payout }) {
  const paid = purchase.books?.paid_amounts.map((part) => money(part.amount_minor, part.currency)).join(" + ");
  const out = payout.books?.paid_amounts.map((part) => money(part.amount_minor, part.currency)).join(" + ");
  return el("p", {}, "Taken in: ", el("strong", {}, paid || "nothing yet"), ". Paid out to creators: ", el("strong", {}, out || "nothing yet"), ".");
}
