// The wallet: what one has, where it came from and went, and how much one allows oneself.
import { get } from "./api.js";
import { balance, forget } from "./balance.js";
import { buyCoins } from "./buy.js";
import { $, coins, el, icon, show } from "./dom.js";
import { drawHistory } from "./history.js";
import { parts, t } from "./language.js";
import { limits } from "./limits.js";
import { lots } from "./lots.js";
import { privacy } from "./privacy.js";
import { card, start, toast } from "./shell.js";
import { me } from "./session.js";
import { withdrawals } from "./withdrawal.js";
import { currencyOf, money } from "./words.js";

start(async () => {
  forget();
  const cards = [];
  const refresh = () => { for (const each of cards) each.refresh(); };
  const buy = async () => { if (await buyCoins()) { toast(t("room.coins-here")); refresh(); } };
  const add = (...made) => { cards.push(made[0]); return made[0]; };
  show($("main"), el("h1", { class: "page-title" }, t("wallet.title")),
    el("div", { class: "columns two" },
      add(card(t("wallet.balance"), () => held(buy), { className: "hero" })),
      add(card(t("wallet.spent"), spending)),
      add(card(t("lots.title"), lots, { className: "across" })),
      add(withdrawals(refresh, { className: "across", id: "withdrawals" })),
      add(card(t("history.title"), () => drawHistory(refresh), { className: "across" })),
      add(limits({ className: "across", id: "limits" })),
      add(privacy(refresh, { className: "across", id: "privacy" }))));
}, { title: t("wallet.title") });

async function held(buy) {
  const mine = await balance();
  show($("#bar-balance"), el("a", { href: "/wallet", class: "bar-coins" }, coins(mine.coins)));
  return [
    el("p", { class: "figure", id: "held" }, coins(mine.coins)),
    mine.held_coins ? el("p", { class: "tag warn" }, icon("clock"), el("span", {}, parts("wallet.held", { coins: coins(mine.held_coins) }))) : null,
    mine.debt_coins ? el("p", { class: "fault" }, parts("wallet.debt", { coins: coins(mine.debt_coins) })) : null,
    el("div", { class: "row" }, el("button", { class: "primary", id: "get-coins", onclick: buy }, icon("plus"), t("step.get-coins")), el("a", { class: "button", href: "/" }, t("step.room"))),
  ];
}

async function spending() {
  const spent = await get("/v1/wallets/me/spending");
  // Coins that were a present had cost nothing, in no currency.
  const paid = spent.money.filter((part) => part.amount_minor).map((part) => money(part.amount_minor, part.currency)).join(" + ");
  return [
    el("p", { class: "figure" }, paid || money(0, currencyOf(me()?.country))),
    el("p", { class: "muted" }, parts("wallet.given", { coins: coins(spent.coins) })),
    el("p", {}, el("a", { href: "#limits" }, t("wallet.set-limit"))),
  ];
}
