// The combo button: as long as its ring is not empty, a tap adds to the combo.
import { el, show, svg } from "./dom.js";
import { picture } from "./gifts.js";
import { number, t } from "./language.js";

const COMBO_MS = 5000;
const HOLD_AFTER_MS = 350;
const HOLD_EVERY_MS = 120;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** Return the button over the stage. `press` sends once more, `over` is called when the ring is empty. */
export function build({ press, over }) {
  const ring = svg("circle", { class: "ring", cx: 36, cy: 36, r: 32, pathLength: 100 });
  const face = el("span", { class: "combo-face" });
  const element = el("button", { class: "combo", id: "combo", hidden: true },
    svg("svg", { viewBox: "0 0 72 72", "aria-hidden": "true" }, svg("circle", { class: "ring-ground", cx: 36, cy: 36, r: 32 }), ring), face);
  let timer;
  let emptying = null;

  function grow(gift, taps) {
    element.hidden = false;
    element.setAttribute("aria-label", t("combo.one-more", { gift: gift.name, taps }));
    show(face, picture(gift.gift_type, 28), el("strong", {}, `×${number(taps)}`));
    emptying?.cancel();
    emptying = STILL.matches ? null : ring.animate([{ strokeDashoffset: 0 }, { strokeDashoffset: 100 }], { duration: COMBO_MS, fill: "forwards" });
    clearTimeout(timer);
    timer = setTimeout(end, COMBO_MS);
  }

  function end() {
    clearTimeout(timer);
    if (element.hidden) return;
    const held = document.activeElement === element;
    element.hidden = true;
    over(held);
  }

  holdToRepeat(element, press, () => true);
  return { element, grow, end };
}

/** One press is one tap; held down it goes on until it is let go. Keys repeat by themselves. */
export function holdToRepeat(button, press, allowed) {
  let timer = null;
  let held = false;
  const stop = () => { clearInterval(timer); clearTimeout(timer); timer = null; };
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    held = false;
    stop();
    timer = setTimeout(() => {
      if (!allowed()) return;
      held = true;
      timer = setInterval(press, HOLD_EVERY_MS);
    }, HOLD_AFTER_MS);
  });
  for (const name of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(name, stop);
  button.addEventListener("click", () => { stop(); if (!held) press(); held = false; });
}
