// The rate of diamonds in words that one can check in one's head: 200 diamonds = $1.00.
import { exponentOf } from "./currencies.js";
import { t } from "./language.js";
import { money } from "./words.js";

const THOUSAND = 1000;

/** @param {{value_minor_per_1000: number, currency: string}} rate */
export function rateInWords({ value_minor_per_1000: minor, currency }) {
  const one = 10 ** (exponentOf(currency) ?? 0);
  const diamonds = (THOUSAND * one) / minor;
  // Diamonds for one dollar, where they are whole; else money for a thousand diamonds.
  const [count, amount] = minor > 0 && Number.isInteger(diamonds) ? [diamonds, one] : [THOUSAND, minor];
  return t("rate.words", { count, amount: money(amount, currency) });
}
