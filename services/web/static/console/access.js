// What the caller's scopes open. The services decide; the page only leaves out what they would refuse.
import { me } from "../session.js";
import { card } from "../shell.js";
import { el } from "../dom.js";
import { locale, t } from "../language.js";

export const may = (...scopes) => scopes.every((scope) => me()?.scopes.includes(scope));

const POLL_SECONDS = 20;

/**
 * A card for callers with a scope, or nothing. With `live` it reads again while it is looked at.
 * @param {string[]} scopes
 * @param {string} title
 * @param {() => Promise<any>} load
 * @param {{id?: string, className?: string, live?: boolean}} [options]
 */
export function panel(scopes, title, load, { live = false, ...options } = {}) {
  if (!may(...scopes)) return null;
  const section = card(title, async () => [await load(), asOf()].flat(), options);
  if (live) keepFresh(section);
  return section;
}

const asOf = () => el("p", { class: "small muted" }, t("console.as-of", { time: new Date().toLocaleTimeString(locale, { hour12: false }) }));

/** Nothing is read for a page that is hidden, or changed below the hands of a person. */
function keepFresh(section) {
  const timer = setInterval(() => {
    if (!section.isConnected) clearInterval(timer);
    else if (!document.hidden && !document.querySelector("dialog[open]") && !section.matches(":focus-within") && !section.querySelector("details[open]")) section.refresh();
  }, POLL_SECONDS * 1000);
}
