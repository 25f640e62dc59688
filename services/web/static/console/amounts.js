// Sums of money in several currencies.
import { t } from "../language.js";
import { money } from "../words.js";

/** What items come to, currency by currency. */
export function exposure(items) {
  const sums = new Map();
  for (const item of items) sums.set(item.currency, (sums.get(item.currency) ?? 0) + item.amount_minor);
  return [...sums].map(([currency, minor]) => money(minor, currency)).join(" + ") || t("console.nothing");
}
