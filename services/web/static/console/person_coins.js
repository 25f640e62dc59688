// A person's wallet: coins, where they came from, limits; stop it, correct it, limit it.
import { get, path, person, post, put } from "../api.js";
import { coins, el, empty, table } from "../dom.js";
import { exponentOf, minorOf } from "../currencies.js";
import { day, money, number, short, time, words } from "../words.js";
import { may, panel } from "./access.js";
import { actionButton } from "./actions.js";
import { adjustment } from "./adjustments.js";

const PERIODS = [["gift", "Per gift"], ["day", "Daily"], ["week", "Weekly"], ["month", "Monthly"]];
const AMOUNT_DIGITS_MAX = 13;
const CURRENCY_LETTERS = 5;

export function coinsOf(user) {
  const section = panel(["wallets:read"], "Wallet", async () => {
    const [wallet, lots, limits] = await Promise.all([
      get(path`/v1/operator/wallets/${person(user)}`), get(path`/v1/operator/wallets/${person(user)}/lots?limit=${20}`), get(path`/v1/operator/wallets/${person(user)}/limits`)]);
    return [balance(wallet), actions(user, wallet, () => section.refresh()), lotTable(lots.items), limitTable(limits)];
  }, { id: "wallet" });
  const history = panel(["wallets:read"], "Coins in and out", async () => entries((await get(path`/v1/operator/wallets/${person(user)}/movements?limit=${30}`)).items), { id: "entries" });
  return [section, history];
}

const balance = (wallet) => el("p", { class: "row" }, coins(wallet.coins, { class: "figure" }),
  wallet.suspended ? el("span", { class: "tag bad" }, "suspended") : el("span", { class: "tag good" }, "open"),
  wallet.held_coins ? el("span", { class: "tag warn" }, `${number(wallet.held_coins)} held`) : null,
  wallet.debt_coins ? el("span", { class: "tag bad" }, `owes ${number(wallet.debt_coins)}`) : null);

function actions(user, wallet, refresh) {
  return el("div", { class: "row" },
    may("wallets:freeze") ? actionButton(wallet.suspended ? "Resume" : "Suspend", `the wallet of ${user}`, () => suspension(user, wallet, refresh)) : null,
    may("adjustments:write") ? actionButton("Correct", `the coins of ${user}`, () => adjustment({ ledger: "wallet", user, unit: "coins", now: wallet.coins, done: refresh })) : null,
    may("limits:write") ? actionButton("Limit", `the spending of ${user}`, () => limit(user, refresh)) : null);
}

const suspension = (user, wallet, done) => (wallet.suspended ? {
  title: "Resume this wallet?", touches: [["Wallet of", user], ["Coins", number(wallet.coins)]], effect: "It can send gifts again at once.", yes: "Resume", danger: false, done,
  send: async ({ reason }) => { await post(path`/v1/operator/wallets/${person(user)}/unfreeze`, { reason }); return "The wallet is open again."; },
} : {
  title: "Suspend this wallet?", touches: [["Wallet of", user], ["Coins that stop", number(wallet.coins)]], effect: "It sends no gift until it is resumed. Its coins stay, and can still be refunded.", yes: "Suspend", done,
  send: async ({ reason }) => { await post(path`/v1/operator/wallets/${person(user)}/freeze`, { reason }); return "The wallet is suspended."; },
});

function limit(user, done) {
  const period = el("select", { name: "period" }, PERIODS.map(([value, name]) => el("option", { value }, name)));
  const unit = el("input", { name: "limit_unit", required: true, maxlength: CURRENCY_LETTERS, pattern: "coins|[A-Z]{3}", value: "coins", autocomplete: "off" });
  const amount = el("input", { name: "limit_amount", maxlength: AMOUNT_DIGITS_MAX, inputmode: "decimal", placeholder: "empty: no limit of support", autocomplete: "off" });
  return {
    title: "Limit what this person spends?", touches: [["Person", user]], effect: "The limit counts at once, beside the person's own. A lower one of their own still holds.", yes: "Set the limit", done,
    fields: [el("div", { class: "fields" }, el("label", { class: "field" }, "Period", period), el("label", { class: "field" }, "At most", amount), el("label", { class: "field" }, "In coins or a currency", unit))],
    send: async ({ reason }) => {
      const value = amount.value.trim() ? minorOf(amount.value, unit.value) : null;
      if (amount.value.trim() && value === null) throw new Error(`Write an amount with at most ${exponentOf(unit.value) ?? 0} decimals.`);
      await put(path`/v1/operator/wallets/${person(user)}/limits/${period.value}`, { unit: unit.value, amount: value, reason });
      return "The limit is set.";
    },
  };
}

const lotTable = (items) => (items.length ? table("Lots of coins, the newest first", ["Coins of", "From", "Came", "Left", "Given", "Refunded", "Charged back"].map((title, index) => ({ title, number: index > 2 })),
  items.map((lot) => [short(lot.purchase), words(lot.kind), `${number(lot.coins)} on ${day(lot.funded_at)}`, number(lot.remaining), number(lot.spent), number(lot.refunded), number(lot.burned)])) :
  empty("No coins so far", "Whoever never had a coin has an empty wallet: the id may be mistyped."));

const amountOf = (one, minor) => (one.unit === "coins" ? `${number(minor)} coins` : money(minor, one.unit));

function limitTable({ limits, excluded_until: until }) {
  const set = limits.filter((one) => one.amount !== null);
  return el("div", { class: "stack" }, until ? el("p", { class: "tag warn" }, `Takes a break until ${time(until)}`) : null,
    set.length ? table("Limits", [{ title: "Limit" }, { title: "Set by" }, { title: "At most", number: true }, { title: "Spent", number: true }],
      set.map((one) => [words(one.period), words(one.set_by), amountOf(one, one.amount), amountOf(one, one.spent)])) : el("p", { class: "muted" }, "No limits."));
}

const entries = (items) => (items.length ? table("Coins in and out", [{ title: "When" }, { title: "What" }, { title: "Coins", number: true }, { title: "Balance", number: true }],
  items.map((one) => [time(one.recorded_at), `${words(one.kind)} ${one.cause}`, number(one.coins), number(one.balance_coins)])) : empty("Nothing so far", "Each gift, purchase and correction stands here."));
