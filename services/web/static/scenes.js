// The loudest gifts use the whole stage: each has a scene of its own, with the sender in it.
// This file and scenes.css are fetched when the first of them is played.
//
// A scene is data: what it is made of, and how each part moves. Lengths are parts of the stage, so that
// nothing leaves it. Only transform and opacity move.
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const SMOOTH = "cubic-bezier(.3, .6, .4, 1)";
const CALM = [{ opacity: 0 }, { opacity: 1, offset: 0.2 }, { opacity: 1 }];

/** A part of a scene. `times`: how often its movement is repeated; `apart`: by which part of the scene one follows the other. */
const part = (/** @type {string} */ name, /** @type {Keyframe[]} */ frames, { count = 1, times = 1, apart = 0, easing = "linear", content = "" } = {}) => ({ name, frames, count, times, apart, easing, content });
const gift = (frames, options = {}) => part("actor", frames, { easing: SMOOTH, ...options, content: "gift" });
const from = (start, end = "none") => [{ transform: start }, { transform: end }];

const RISE = [{ transform: "translateY(110%)", opacity: 0 }, { opacity: 1, offset: 0.2 }, { transform: "translateY(-620%)", opacity: 0 }];
const FALL = [{ transform: "translateY(-120%)", opacity: 1 }, { transform: "translateY(1400%) rotate(280deg)", opacity: 0.9 }];
const SWAY = [{ transform: "rotate(-2deg)" }, { transform: "rotate(2deg)" }, { transform: "rotate(-2deg)" }];
// Far less than three flashes a second: more could harm people.
const FLASHES = [0.12, 0.3, 0.52, 0.74].flatMap((at) => [{ opacity: 0, offset: at }, { opacity: 0.85, offset: at + 0.015 }, { opacity: 0, offset: at + 0.06 }]);

const SCENES = {
  // The train comes in on the right, crosses all of the stage, and is gone on the left.
  g_loco: [
    part("rails", from("translateX(0)", "translateX(12%)")),
    part("train", from("none", "translateX(-210%)"), { content: "train" }),
    part("puff", RISE, { count: 6, times: 3, apart: 0.05 }),
  ],
  g_manta: [
    part("deep", [{ opacity: 0.9 }, { opacity: 1 }]),
    part("bubble", RISE, { count: 8, times: 3, apart: 0.06 }),
    gift([{ transform: "translate(-130%, 30%) rotate(-14deg)" }, { transform: "translate(-40%, -18%) rotate(10deg)" }, { transform: "translate(40%, 16%) rotate(-10deg)" }, { transform: "translate(130%, -34%) rotate(12deg)" }]),
  ],
  g_orchestra: [
    part("curtain first", [{ transform: "none" }, { transform: "translateX(-92%)", offset: 0.2 }, { transform: "translateX(-92%)", offset: 0.86 }, { transform: "none" }]),
    part("curtain second", [{ transform: "none" }, { transform: "translateX(92%)", offset: 0.2 }, { transform: "translateX(92%)", offset: 0.86 }, { transform: "none" }]),
    part("note", RISE, { count: 8, times: 3, apart: 0.07 }),
    gift(SWAY, { times: 3 }),
  ],
  g_piano: [
    part("key", [{ transform: "none" }, { transform: "translateY(12%)" }, { transform: "none" }], { count: 14, times: 9, apart: 0.013 }),
    part("note", RISE, { count: 6, times: 3, apart: 0.08 }),
    gift(SWAY, { times: 2 }),
  ],
  g_observatory: [
    part("night", from("scale(1.15)")),
    part("comet", [{ transform: "translate(0, 0)", opacity: 0 }, { opacity: 1, offset: 0.1 }, { transform: "translate(-900%, 1600%)", opacity: 0, offset: 0.4 }, { opacity: 0 }], { count: 7, times: 3, apart: 0.1 }),
    gift(from("translateY(14%)", "translateY(4%)")),
  ],
  g_harbour: [
    part("skyline", from("translateX(0)", "translateX(-18%)")),
    gift(from("translateX(14%)", "translateX(-14%)")),
    part("water", [{ transform: "translateX(-4%)" }, { transform: "translateX(4%)" }, { transform: "translateX(-4%)" }], { times: 2 }),
  ],
  // It darkens the stage, it rains, and lightning strikes.
  g_storm: [
    part("dark", [{ opacity: 0 }, { opacity: 1, offset: 0.1 }, { opacity: 1 }]),
    part("rain", from("translateY(-8%)", "translateY(8%)"), { times: 14 }),
    part("flash", [{ opacity: 0, offset: 0 }, ...FLASHES, { opacity: 0, offset: 1 }]),
    gift([{ transform: "translateY(-120%)" }, { transform: "none", offset: 0.16 }, { transform: "rotate(-4deg)", offset: 0.4 }, { transform: "rotate(4deg)", offset: 0.64 }, { transform: "none" }]),
  ],
  // It rises behind the person on the stage until it fills it.
  g_citadel: [
    part("night", from("scale(1.1)")),
    part("beacon", [{ transform: "rotate(-40deg)" }, { transform: "rotate(40deg)" }, { transform: "rotate(-40deg)" }], { count: 2, times: 2, apart: 0.2 }),
    gift([{ transform: "translateY(105%)" }, { transform: "translateY(4%)", offset: 0.35 }, { transform: "translateY(0) scale(1.06)" }]),
    part("gold", FALL, { count: 10, times: 3, apart: 0.06 }),
  ],
  // It comes down on the person on the stage.
  g_crown: [
    part("glory", from("rotate(0)", "rotate(50deg)")),
    gift([{ transform: "translateY(-130%) rotate(-12deg)" }, { transform: "translateY(4%) rotate(3deg)", offset: 0.26 }, { transform: "translateY(0) rotate(-1deg)", offset: 0.36 }, { transform: "scale(1.04)", offset: 0.7 }, { transform: "none" }]),
    part("gold", FALL, { count: 14, times: 4, apart: 0.05 }),
  ],
};

/**
 * The scene of a gift, to be put on the stage and started; `tools` are what the page makes elements with:
 * imported here, they would be a second copy in a bundle.
 */
export function build(entry, ms, tools) {
  const { el, crest } = tools;
  const made = SCENES[entry.gift_type].map((each) => ({ ...each, elements: Array.from({ length: each.count }, (_, index) => el("div", { class: each.count > 1 ? `part ${each.name} nth-${index}` : `part ${each.name}` }, contentOf(each, entry, tools))) }));
  return {
    element: el("div", { class: `big scene ${entry.gift_type} ${entry.tier}` }, el("div", { class: "big-shade" }), made.flatMap((each) => each.elements), crest(entry)),
    start: () => { for (const each of made) each.elements.forEach((element, index) => { move(element, each, index, ms); }); },
  };
}

function contentOf({ content }, entry, { el, avatar, picture }) {
  const drawing = () => picture(entry.gift_type, 320, { isMoving: true });
  if (content === "gift") return drawing();
  if (content === "train") return [drawing(), ...Array.from({ length: 3 }, () => el("div", { class: "wagon" }, avatar(entry.viewer)))];
  return null;
}

function move(element, { frames, times, apart, easing, name }, index, ms) {
  if (STILL.matches) {
    // A still picture of it: what only flashes, falls or crosses is left out.
    if (name === "actor" || name === "train") element.animate(CALM, { duration: ms, fill: "both" });
    return;
  }
  element.animate(frames, { duration: ms / times, iterations: times, delay: index * apart * ms, easing, fill: "both" });
}
