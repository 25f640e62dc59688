// The texts of the page, in the language the server chose for it. They stand in
// services/web/languages/, a file a language, of which a page gets those that it shows.
const { lang } = document.documentElement;
const link = /** @type {HTMLLinkElement | null} */ (document.querySelector("link#messages"));
// A page of a host, which imports a module of ours, has chosen none.
/** @type {Record<string, string | Record<string, string>>} */
const messages = (await import(link?.href ?? new URL("./languages/en.js", import.meta.url).href)).default;

/** @typedef {keyof typeof import("../languages/en.json")} Key */
/** @typedef {string | number | Node | (string | Node)[] | null | undefined} Fact */

export const language = link && lang ? lang : "en";
/** How numbers and dates are written: as this browser's own region does it, if it speaks the language. */
export const locale = navigator.languages.find((name) => name.split("-")[0] === language.split("-")[0]) ?? language;
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(locale);

/** A number as people write it here. */
export const number = (/** @type {number | bigint} */ value) => numbers.format(value);

/**
 * A text with facts in the place of their {names}; `count` chooses the form of a plural.
 * @param {Key} key
 * @param {Record<string, Fact>} [facts]
 */
export const t = (key, facts) => parts(key, facts).join("");

/**
 * The same as a list of texts and elements: facts may be elements.
 * @param {Key} key
 * @param {Record<string, Fact>} [facts]
 * @returns {(string | Node)[]}
 */
export function parts(key, facts = {}) {
  return templateOf(messages[key] ?? key, facts.count).split(/\{(\w+)\}/).flatMap((part, index) => {
    if (index % 2 === 0) return part ? [part] : [];
    const fact = facts[part] ?? "";
    return typeof fact === "number" ? number(fact) : fact;
  });
}

/**
 * What a code of the API is called: the message "area:code"; of a code that has none, its own words.
 * @param {string} area
 * @param {string} code
 * @param {Record<string, Fact>} [facts]
 */
export function nameOf(area, code, facts) {
  const key = /** @type {Key} */ (`${area}:${code}`);
  return Object.hasOwn(messages, key) ? t(key, facts) : words(code);
}

let problems = null;
/**
 * What a code of a refusal means, in the page's language; `title` is the API's own English.
 * @param {string} code
 * @param {string} title
 */
export async function titleOf(code, title) {
  if (language === "en" || !link) return title;
  // Fetched when the first refusal comes; without a connection English is better than nothing.
  problems ??= import(new URL(`./problems.${language}.js`, link.href).href).catch(() => { problems = null; });
  const titles = (await problems)?.default ?? {};
  return Object.hasOwn(titles, `problem:${code}`) ? titles[`problem:${code}`] : title;
}

/** Whether there is a name for a code of the API. */
export const isNamed = (/** @type {string} */ area, /** @type {string} */ code) => Object.hasOwn(messages, `${area}:${code}`);

/** `gift_paid` or `gift-paid` as words: "Gift paid". */
export function words(/** @type {unknown} */ code) {
  const text = String(code).replaceAll(/[_-]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function templateOf(message, count) {
  if (typeof message === "string") return message;
  return message[plurals.select(Number(count))] ?? message.other;
}
