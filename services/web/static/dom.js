// Elements without markup: text is only ever text.
import { t } from "./language.js";
import { isOn } from "./places.js";
import { number } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

export const $ = (selector, root = document) => root.querySelector(selector);

/** Make an element: `on*` are listeners, `class`, `data` and plain attributes what they say. */
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    // A link to a page that is switched off is its text alone; where it was a button, it is nothing.
    if (name === "href" && !isOn(String(value))) {
      element.hidden = String(properties.class ?? "").split(" ").includes("button");
      continue;
    }
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...nodes(children));
  return element;
}

export const show = (element, ...children) => element.replaceChildren(...nodes(children));

/** What orders a line to be written backwards: in a name it would turn the amount beside it round. */
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g;
const nodes = (children) => children.flat()
  .filter((child) => child !== null && child !== undefined && child !== false)
  .map((child) => (typeof child === "string" ? child.replace(TURNS, "") : child));

const PATHS = {
  coin: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 4.5 1.3 3.2 3.2 1.3-3.2 1.3L12 16.5l-1.3-3.2L7.5 12l3.2-1.3Z",
  diamond: "M7 4h10l4 5-9 11L3 9Zm-1 5h12",
  close: "M6 6l12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  crown: "M4 8l4 4 4-7 4 7 4-4-2 10H6Z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-8 8q1-6 8-6t8 6",
  check: "M5 12l5 5 9-10",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 4v5l4 2",
  eye: "M2 12q10-14 20 0-10 14-20 0Zm10-3a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
  gift: "M4 12v8h16v-8M3 8h18v4H3Zm9 0v12M12 8q-6 0-6-3t3-2 3 5q0-4 3-5t3 2-6 3",
  heart: "M12 20 4 12q-2-4 1-7t7 1q4-4 7-1t1 7Z",
  sound: "M4 9h4l5-4v14l-5-4H4Zm12-1q4 4 0 8m3-11q7 7 0 14",
  star: "M12 3l2.7 6 6.3.6-4.8 4.2 1.5 6.2L12 16.7 6.3 20l1.5-6.2L3 9.6 9.3 9Z",
};
const SOLID = ["crown", "heart", "star"];

export function icon(name, className = "icon") {
  const solid = SOLID.includes(name);
  return svg("svg", { viewBox: "0 0 24 24", class: className, "aria-hidden": "true" },
    svg("path", {
      d: PATHS[name], fill: solid ? "currentColor" : "none", stroke: "currentColor",
      "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round",
    }));
}

/** The coins of an amount, read out as what they are. */
export const coins = (amount, properties = {}) =>
  el("span", { ...properties, class: `amount ${properties.class ?? ""}` },
    icon("coin", "icon coin"), number(amount),
    el("span", { class: "unseen" }, " ", t("unit.coins", { count: amount })));

export const diamonds = (amount, properties = {}) =>
  el("span", { ...properties, class: `amount ${properties.class ?? ""}` },
    icon("diamond", "icon diamond"), number(amount),
    el("span", { class: "unseen" }, " ", t("unit.diamonds", { count: amount })));

const SHADES = 6;
export function avatar(name) {
  const shade = [...name].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % SHADES;
  return el("span", { class: `avatar shade-${shade}`, "aria-hidden": "true" }, [...name][0]?.toUpperCase() ?? "?");
}

export const empty = (title, text) => el("div", { class: "empty" }, el("strong", {}, title), el("p", {}, text));

/** A table with a caption people with screen readers hear; cells are nodes or texts. */
export function table(caption, columns, rows) {
  const cells = (tag, values) => values.map((value, index) =>
    el(tag, { class: columns[index].number ? "number" : null, scope: tag === "th" ? "col" : null }, value));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {}, el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, cells("th", columns.map((column) => column.title)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, cells("td", row))))));
}

/** Hand a file over, as if it had been a link: one to a service could not carry the token. */
export function save(file, name) {
  const address = URL.createObjectURL(file);
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
