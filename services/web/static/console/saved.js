// Addresses an operator wants to find again. They stay in this browser, for this operator.
import { el, show } from "../dom.js";
import { t } from "../language.js";
import { me } from "../session.js";

const MAX = 20;
const key = () => `ovation.console.${me()?.user ?? ""}`;

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(key()) ?? "[]");
    // Only places of this page: what is kept here must not lead elsewhere.
    return Array.isArray(kept) ? kept.filter((each) => typeof each?.name === "string" && String(each.address).startsWith("/operator?")).slice(0, MAX) : [];
  } catch {
    return [];
  }
}

function write(all) {
  try {
    localStorage.setItem(key(), JSON.stringify(all.slice(0, MAX)));
  } catch {
    // A browser that keeps nothing for this page: then it lasts as long as the page.
  }
}

/** The saved addresses as links, and a button that adds the one that is open. */
export function savedAddresses(nameOfThis) {
  const place = el("div", { class: "row saved", role: "group", "aria-label": t("console.saved") });
  const draw = () => {
    const all = read();
    const here = `${location.pathname}${location.search}`;
    show(place, all.map((each) => el("span", { class: "tag" }, el("a", { href: each.address }, each.name),
      el("button", { class: "tiny quiet", "aria-label": t("console.forget", { view: each.name }), onclick: () => { write(all.filter((other) => other !== each)); draw(); } }, "×"))),
    location.search && !all.some((each) => each.address === here) ? el("button", { class: "tiny quiet", onclick: () => { write([{ name: nameOfThis(), address: here }, ...all]); draw(); } }, t("console.save")) : null);
  };
  draw();
  return place;
}
