// Coins by the payment they came from, and in words where each of them is now.
import { all } from "./api.js";
import { coins, el, empty, icon } from "./dom.js";
import { nameOf, t } from "./language.js";
import { day, money } from "./words.js";

const WENT = ["spent", "refunded", "burned", "paid_debts", "adjusted", "expired", "forfeited", "frozen"];

export async function lots() {
  const items = await all("/v1/wallets/me/lots", 1);
  if (!items.length) return empty(t("lots.none"), t("lots.none-text"));
  return el("ul", { class: "lines" }, items.map((lot) => el("li", {},
    el("span", { class: "lot-mark" }, icon("coin", "icon coin")),
    el("span", { class: "grow" },
      el("strong", {}, originOf(lot)),
      el("span", { class: "small muted" }, sentenceOf(lot)),
      el("progress", { class: "track", max: lot.coins, value: lot.remaining, "aria-label": t("lots.left-of", { left: lot.remaining, count: lot.coins }) })),
    el("span", { class: "left" }, coins(lot.remaining), el("span", { class: "small muted" }, t("lots.left"))))));
}

function originOf(lot) {
  const about = { count: lot.coins, day: day(lot.funded_at) };
  return lot.price_minor ? t("lots.bought-for", { ...about, price: money(lot.price_minor, lot.currency) }) : nameOf("lot-of", lot.kind, about);
}

function sentenceOf(lot) {
  const found = WENT.filter((field) => lot[field]).map((field) => nameOf("lot-went", field, { count: lot[field] }));
  if (lot.expires_at) found.push(t("lots.ends", { day: day(lot.expires_at) }));
  return found.length ? found.join(" · ") : t("lots.all-yours");
}
