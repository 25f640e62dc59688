// Coins by the payment they came from, and in words where each of them is now.
import { all } from "./api.js";
import { coins, el, empty, icon } from "./dom.js";
import { day, money, number } from "./words.js";

const ORIGINS = { paid: "bought", bonus: "bonus of a purchase", promo: "a present" };
const WENT = [
  ["spent", "given"], ["refunded", "refunded"], ["burned", "taken back by the bank"],
  ["paid_debts", "used for a debt"], ["adjusted", "corrected"], ["expired", "expired"], ["forfeited", "given up"],
];

export async function lots() {
  const items = await all("/v1/wallets/me/lots", 1);
  if (!items.length) return empty("No coins yet", "Coins you get are listed here with the payment they came from.");
  return el("ul", { class: "lines" }, items.map((lot) => el("li", {},
    el("span", { class: "lot-mark" }, icon("coin", "icon coin")),
    el("span", { class: "grow" },
      el("strong", {}, `${number(lot.coins)} coins, ${ORIGINS[lot.kind] ?? lot.kind} on ${day(lot.funded_at)}${lot.price_minor ? ` for ${money(lot.price_minor, lot.currency)}` : ""}`),
      el("span", { class: "small muted" }, sentenceOf(lot)),
      el("progress", { class: "track", max: lot.coins, value: lot.remaining, "aria-label": `${number(lot.remaining)} of ${number(lot.coins)} coins left` })),
    el("span", { class: "left" }, coins(lot.remaining), el("span", { class: "small muted" }, "left")))));
}

function sentenceOf(lot) {
  const parts = WENT.filter(([field]) => lot[field]).map(([field, word]) => `${number(lot[field])} ${word}`);
  if (lot.frozen) parts.push(`${number(lot.frozen)} frozen`);
  if (lot.expires_at) parts.push(`ends ${day(lot.expires_at)}`);
  return parts.length ? parts.join(", ") : "All of them are still yours.";
}
