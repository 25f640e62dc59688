// A person's wallet: coins, where they came from, limits; stop it, correct it, limit it.
import { get, path, person, post, put } from "../api.js";
import { coins, el, empty, table } from "../dom.js";
import { exponentOf, minorOf } from "../currencies.js";
import { nameOf, t } from "../language.js";
import { day, money, number, short, time } from "../words.js";
import { may, panel } from "./access.js";
import { actionButton } from "./actions.js";
import { adjustment } from "./adjustments.js";
import { numbers, texts } from "./columns.js";

const PERIODS = ["gift", "day", "week", "month"];
const AMOUNT_DIGITS_MAX = 13;
const CURRENCY_LETTERS = 5;

export function coinsOf(user) {
  const section = panel(["wallets:read"], t("console.wallet"), async () => {
    const [wallet, lots, limits] = await Promise.all([
      get(path`/v1/operator/wallets/${person(user)}`), get(path`/v1/operator/wallets/${person(user)}/lots?limit=${20}`), get(path`/v1/operator/wallets/${person(user)}/limits`)]);
    return [balance(wallet), actions(user, wallet, () => section.refresh()), lotTable(lots.items), limitTable(limits)];
  }, { id: "wallet" });
  const history = panel(["wallets:read"], t("console.entries"), async () => entries((await get(path`/v1/operator/wallets/${person(user)}/movements?limit=${30}`)).items), { id: "entries" });
  return [section, history];
}

const balance = (wallet) => el("p", { class: "row" }, coins(wallet.coins, { class: "figure" }),
  wallet.suspended ? el("span", { class: "tag bad" }, t("console.suspended")) : el("span", { class: "tag good" }, t("console.open")),
  wallet.held_coins ? el("span", { class: "tag warn" }, t("console.coins-held", { number: wallet.held_coins })) : null,
  wallet.debt_coins ? el("span", { class: "tag bad" }, t("console.coins-owed", { number: wallet.debt_coins })) : null);

function actions(user, wallet, refresh) {
  const about = { person: user };
  return el("div", { class: "row" },
    may("wallets:freeze") ? actionButton(t(wallet.suspended ? "console.resume" : "console.suspend"), t(wallet.suspended ? "console.resume-about" : "console.suspend-about", about), () => suspension(user, wallet, refresh)) : null,
    may("adjustments:write") ? actionButton(t("console.correct"), t("console.correct-coins-about", about), () => adjustment({ ledger: "wallet", user, now: wallet.coins, done: refresh })) : null,
    may("limits:write") ? actionButton(t("console.limit"), t("console.limit-about", about), () => limit(user, refresh)) : null);
}

const suspension = (user, wallet, done) => (wallet.suspended ? {
  title: t("console.resume-title"), touches: [[t("console.wallet-of"), user], [t("console.coins"), number(wallet.coins)]], effect: t("console.resume-effect"), yes: t("console.resume"), danger: false, done,
  send: async ({ reason }) => { await post(path`/v1/operator/wallets/${person(user)}/unfreeze`, { reason }); return t("console.resumed"); },
} : {
  title: t("console.suspend-title"), touches: [[t("console.wallet-of"), user], [t("console.coins-that-stop"), number(wallet.coins)]], effect: t("console.suspend-effect"), yes: t("console.suspend"), done,
  send: async ({ reason }) => { await post(path`/v1/operator/wallets/${person(user)}/freeze`, { reason }); return t("console.suspended-now"); },
});

function limit(user, done) {
  const period = el("select", { name: "period" }, PERIODS.map((value) => el("option", { value }, nameOf("console-period", value))));
  const unit = el("input", { name: "limit_unit", required: true, maxlength: CURRENCY_LETTERS, pattern: "coins|[A-Z]{3}", value: "coins", autocomplete: "off" });
  const amount = el("input", { name: "limit_amount", maxlength: AMOUNT_DIGITS_MAX, inputmode: "decimal", placeholder: t("console.limit-empty"), autocomplete: "off" });
  return {
    title: t("console.limit-title"), touches: [[t("console.person"), user]], effect: t("console.limit-effect"), yes: t("console.limit-yes"), done,
    fields: [el("div", { class: "fields" }, el("label", { class: "field" }, t("console.period"), period), el("label", { class: "field" }, t("console.at-most"), amount), el("label", { class: "field" }, t("console.limit-unit"), unit))],
    send: async ({ reason }) => {
      const value = amount.value.trim() ? minorOf(amount.value, unit.value) : null;
      if (amount.value.trim() && value === null) throw new Error(t("console.limit-decimals", { count: exponentOf(unit.value) ?? 0 }));
      await put(path`/v1/operator/wallets/${person(user)}/limits/${period.value}`, { unit: unit.value, amount: value, reason });
      return t("console.limit-set");
    },
  };
}

const lotTable = (items) => (items.length ? table(t("console.lots"), [...texts("console.coins-of", "console.from", "console.came"), ...numbers("console.left", "console.given", "console.refunded", "console.charged-back")],
  items.map((lot) => [short(lot.purchase), nameOf("console-lot", lot.kind), t("console.number-on", { number: lot.coins, day: day(lot.funded_at) }), number(lot.remaining), number(lot.spent), number(lot.refunded), number(lot.burned)])) :
  empty(t("console.no-coins"), t("console.no-coins-text")));

const amountOf = (one, minor) => (one.unit === "coins" ? t("console.coins-count", { count: minor }) : money(minor, one.unit));

function limitTable({ limits, excluded_until: until }) {
  const set = limits.filter((one) => one.amount !== null);
  return el("div", { class: "stack" }, until ? el("p", { class: "tag warn" }, t("console.break-until", { time: time(until) })) : null,
    set.length ? table(t("console.limits"), [...texts("console.limit", "console.set-by"), ...numbers("console.at-most", "console.spent")],
      set.map((one) => [nameOf("console-period", one.period), nameOf("console-setter", one.set_by), amountOf(one, one.amount), amountOf(one, one.spent)])) : el("p", { class: "muted" }, t("console.no-limits")));
}

const entries = (items) => (items.length ? table(t("console.entries"), [...texts("console.when", "console.what"), ...numbers("console.coins", "console.balance")],
  items.map((one) => [time(one.recorded_at), `${nameOf("console-entry", one.kind)} ${one.cause}`, number(one.coins), number(one.balance_coins)])) : empty(t("console.entries-none"), t("console.entries-none-text")));
