// What a viewer wants to see and hear of gifts, kept in this browser: all effects, one's own, or none; sound off until wanted.
import { chips } from "./chips.js";
import { el, icon } from "./dom.js";
import { keep, recall } from "./local.js";
import { setSound, wantsSound } from "./sounds.js";

const NAME = "effects";
/** @type {[string, string][]} */
const CHOICES = [["all", "All"], ["mine", "Mine"], ["none", "None"]];

/** Which effects are wanted: "all", "mine" or "none". */
export function wantedEffects() {
  const found = recall(NAME, "all");
  return CHOICES.some(([code]) => code === found) ? found : "all";
}

/** The controls; `changed` is called when other effects are wanted. */
export function build({ changed }) {
  const effects = chips("Effects", (code) => { keep(NAME, code); changed(); });
  effects.draw(CHOICES, wantedEffects());
  const sound = el("input", { type: "checkbox", name: "sound", onchange: () => setSound(sound.checked) });
  sound.checked = wantsSound();
  return el("details", { class: "stage-tools" },
    el("summary", { title: "Effects and sound" }, icon("sound"), el("span", { class: "unseen" }, "Effects and sound")),
    el("div", { class: "stage-tools-body" }, el("span", { class: "small" }, "Effects"), effects.element,
      el("label", { class: "check small" }, sound, "Sound")));
}
