// The gifts as tiles. The chosen one carries the button that sends it; arrow keys move the choice.
import { coins, el, empty, icon, show } from "./dom.js";
import { moneyOf, picture } from "./gifts.js";
import { t } from "./language.js";

const HOLD_MS = 450;
// A finger never lies quite still.
const MOVED_PX = 10;

/** Return the grid and what draws it; `send` is the button that moves to the chosen tile. */
export function build({ send, choose, preview, isFavourite }) {
  const element = el("ul", { class: "gift-grid", "aria-label": t("panel.gifts") });

  function draw(gifts, chosen) {
    show(element, gifts.length ? gifts.map((gift) => tile(gift)) : el("li", { class: "no-gifts" }, empty(t("panel.none"), t("panel.none-text"))));
    mark(chosen);
  }

  function tile(gift) {
    const locked = gift.available === false;
    const button = el("button", {
      class: `gift ${gift.tier}`, data: { gift: gift.gift_type }, disabled: locked, title: gift.description, onclick: () => choose(gift),
    }, picture(gift.gift_type, 56), el("span", { class: "gift-name" }, gift.name), coins(gift.price_coins),
    el("span", { class: "gift-money" }, locked ? lockOf(gift) : moneyOf(gift)),
    el("span", { class: "gift-mark", hidden: !isFavourite(gift.gift_type) }, icon("heart"), el("span", { class: "unseen" }, t("panel.favourite"))));
    holdTo(button, () => preview(gift));
    return el("li", { class: "tile" }, button);
  }

  /** Show which gift is chosen, and put the button that sends it there. */
  function mark(chosen) {
    for (const button of buttons()) {
      const isChosen = button.dataset.gift === chosen?.gift_type;
      button.setAttribute("aria-pressed", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
      button.parentElement?.classList.toggle("chosen", isChosen);
      if (isChosen) button.after(send);
    }
    if (!chosen) send.remove();
  }

  const buttons = () => /** @type {HTMLButtonElement[]} */ ([...element.querySelectorAll(".gift")]);

  function columns() {
    return Math.max(1, getComputedStyle(element).gridTemplateColumns.split(" ").length);
  }

  element.addEventListener("keydown", (event) => {
    const all = buttons();
    const now = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const ahead = getComputedStyle(element).direction === "rtl" ? -1 : 1;
    const step = { ArrowRight: ahead, ArrowLeft: -ahead, ArrowDown: columns(), ArrowUp: -columns() }[event.key];
    if (now < 0 || step === undefined) return;
    event.preventDefault();
    let next = now + step;
    while (all[next]?.disabled) next += step;
    if (!all[next]) return;
    all[next].focus();
    all[next].click();
  });

  return {
    element, draw, mark,
    focus: () => buttons().find((button) => button.tabIndex === 0)?.focus({ preventScroll: true }),
    showChosen: () => element.querySelector(".chosen")?.scrollIntoView({ block: "nearest" }),
    markFavourite: (id, isOne) => { for (const button of buttons()) if (button.dataset.gift === id) /** @type {HTMLElement} */ (button.querySelector(".gift-mark")).hidden = !isOne; },
  };
}

const lockOf = (gift) => {
  const { locks = {} } = gift;
  if (locks.gifter_level_min) return t("panel.lock-level", { level: locks.gifter_level_min });
  return locks.fan_only ? t("panel.lock-fans") : t("panel.lock-now");
};

/** Held down for a moment, and not moved: something else than a click. */
function holdTo(button, act) {
  let timer;
  let held = false;
  let from = [0, 0];
  const stop = () => clearTimeout(timer);
  button.addEventListener("pointerdown", (event) => {
    held = false;
    from = [event.clientX, event.clientY];
    stop();
    if (event.button === 0) timer = setTimeout(() => { held = true; act(); }, HOLD_MS);
  });
  button.addEventListener("pointermove", (event) => { if (Math.hypot(event.clientX - from[0], event.clientY - from[1]) > MOVED_PX) stop(); });
  for (const name of ["pointerup", "pointerleave", "pointercancel"]) button.addEventListener(name, stop);
  // What a long touch opens elsewhere would lie over the preview.
  button.addEventListener("contextmenu", (event) => { if (held) event.preventDefault(); });
}
