// The tray: who gives what right now. A combo is one entry whose counter grows.
import { el } from "./dom.js";
import { nameOfGift, picture } from "./gifts.js";
import { avatar, who } from "./people.js";

const ROWS_MAX = 3;
const STAYS_MS = 3500;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const BUMP = [{ transform: "scale(1)" }, { transform: "scale(1.45)", offset: 0.3 }, { transform: "scale(1)" }];
const ARRIVE = [{ transform: document.dir === "rtl" ? "translateX(40%)" : "translateX(-40%)", opacity: 0 }, { transform: "none", opacity: 1 }];

export function build(list) {
  const rows = new Map();

  /** Show a gift; of one combo only the latest state is ever shown. */
  function show(entry) {
    const key = entry.combo ?? entry.gift;
    const count = entry.repeat_count ?? entry.count;
    const row = rows.get(key) ?? add(key, entry);
    if (count < row.count) return;
    row.count = count;
    row.counter.textContent = `×${count}`;
    if (row.bump) {
      row.bump.cancel();
      row.bump.play();
    } else if (!STILL.matches) row.bump = counter(row);
    clearTimeout(row.timer);
    row.timer = setTimeout(() => drop(key), STAYS_MS);
  }

  function add(key, entry) {
    const counter = el("span", { class: "tray-count" });
    const element = el("li", { class: `tray-row ${entry.tier ?? "spark"}` },
      avatar(entry.viewer), el("span", { class: "tray-text" }, who(entry.viewer), el("span", {}, nameOfGift(entry))),
      picture(entry.gift_type, 40), counter);
    const row = { element, counter, count: 0, timer: null, bump: null };
    rows.set(key, row);
    list.append(element);
    if (!STILL.matches) element.animate(ARRIVE, { duration: 220, easing: "ease-out" });
    if (rows.size > ROWS_MAX) drop(rows.keys().next().value);
    return row;
  }

  function drop(key) {
    const row = rows.get(key);
    if (!row) return;
    clearTimeout(row.timer);
    row.element.remove();
    rows.delete(key);
  }

  // Made once for each row: making one is what costs.
  const counter = (row) => row.counter.animate(BUMP, { duration: 260 });

  return { show, end: (key) => setTimeout(() => drop(key), 1000) };
}
