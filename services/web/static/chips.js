// One of several, as chips: arrow keys choose, and only the chosen one is a tab stop.
import { el, show } from "./dom.js";

/** Return the group and `draw(options, chosen)`; an option is a code and what is written on its chip. */
export function chips(label, choose) {
  const element = el("div", { class: "chips", role: "radiogroup", "aria-label": label });

  function draw(options, chosen) {
    show(element, options.map(([code, text]) => el("button", {
      class: "chip", type: "button", role: "radio", "aria-checked": String(code === chosen),
      tabindex: code === chosen ? "0" : "-1", data: { code: String(code) }, onclick: () => pick(code),
    }, text)));
  }

  function pick(code) {
    const held = element.contains(document.activeElement);
    choose(code);
    for (const chip of /** @type {HTMLCollectionOf<HTMLElement>} */ (element.children)) {
      const isChosen = chip.dataset.code === String(code);
      chip.setAttribute("aria-checked", String(isChosen));
      chip.tabIndex = isChosen ? 0 : -1;
      if (isChosen && held) chip.focus();
    }
  }

  element.addEventListener("keydown", (event) => {
    const all = [...element.children];
    const now = all.indexOf(/** @type {Element} */ (document.activeElement));
    const forward = getComputedStyle(element).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const back = forward === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
    const next = { [forward]: now + 1, [back]: now - 1, Home: 0, End: all.length - 1 }[event.key];
    if (now < 0 || next === undefined) return;
    event.preventDefault();
    const chip = /** @type {HTMLElement} */ (all[(next + all.length) % all.length]);
    chip.focus();
    chip.click();
  });
  return { element, draw };
}
