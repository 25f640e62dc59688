// Numbers, money and times as people read them, in the page's language.
import { exponentOf } from "./currencies.js";
import { isNamed, locale, nameOf, number, t, words } from "./language.js";
import { MARKS } from "./marks.js";

export { number, words };

/** An amount with its currency; of one that is in no table only the minor units are known. */
export function money(minor, currency) {
  const digits = exponentOf(currency);
  if (digits === undefined) return t("amount.minor-units", { amount: minor, currency });
  // A browser's own idea of the decimals differs from ISO 4217's for some currencies.
  return (minor / 10 ** digits).toLocaleString(locale, { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export const day = (moment) => new Date(moment).toLocaleDateString(locale, { day: "numeric", month: "short", year: "numeric" });
export const time = (moment) => new Date(moment).toLocaleString(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** @type {[Intl.RelativeTimeFormatUnit, number]} */
const SMALLEST = ["second", 1];
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], SMALLEST];
export function fromNow(moment) {
  const seconds = (Number(new Date(moment)) - Date.now()) / 1000;
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? SMALLEST;
  return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(Math.round(seconds / length), unit);
}

const NAME_MAX = 40;

/** A name where there is no room for 255 characters; both ends stay, for it is they that differ. */
export function named(name) {
  const signs = [...name];
  return signs.length <= NAME_MAX ? name : `${signs.slice(0, 20).join("")}…${signs.slice(-12).join("")}`;
}

export const short = (id) => String(id).slice(0, 8);

const CURRENCIES = { US: "USD", GB: "GBP", JP: "JPY", BR: "BRL", IN: "INR", DE: "EUR", FR: "EUR", AT: "EUR", IT: "EUR", ES: "EUR", NL: "EUR", IE: "EUR", PT: "EUR" };
export const currencyOf = (country) => CURRENCIES[country] ?? "USD";

/** A way to pay, as viewers know it; one that has no word here keeps its own name. */
export const methodWord = (name) => (isNamed("method", name) ? nameOf("method", name) : Object.hasOwn(MARKS, name) ? MARKS[name] : String(name));
