// What a viewer wants to see and hear of gifts, kept in this browser: all effects, one's own, or none; sound off until wanted.
import { chips } from "./chips.js";
import { el, icon } from "./dom.js";
import { nameOf, t } from "./language.js";
import { keep, recall } from "./local.js";
import { setSound, wantsSound } from "./sounds.js";

const NAME = "effects";
const CHOICES = ["all", "mine", "none"];

/** Which effects are wanted: "all", "mine" or "none". */
export function wantedEffects() {
  const found = recall(NAME, "all");
  return CHOICES.includes(found) ? found : "all";
}

/** The controls; `changed` is called when other effects are wanted. */
export function build({ changed }) {
  const effects = chips(t("tools.effects"), (code) => { keep(NAME, code); changed(); });
  effects.draw(CHOICES.map((code) => [code, nameOf("effects", code)]), wantedEffects());
  const sound = el("input", { type: "checkbox", name: "sound", onchange: () => setSound(sound.checked) });
  sound.checked = wantsSound();
  return el("details", { class: "stage-tools" },
    el("summary", { title: t("tools.title") }, icon("sound"), el("span", { class: "unseen" }, t("tools.title"))),
    el("div", { class: "stage-tools-body" }, el("span", { class: "small" }, t("tools.effects")), effects.element,
      el("label", { class: "check small" }, sound, t("tools.sound"))));
}
