// The stage's effects. Only transform and opacity ever move; how many things there are is capped.
import { el, coins, who } from "./dom.js";
import { motionOf, picture, tierOf } from "./gifts.js";

const STICKERS_MAX = 5;
const STICKERS_WAITING_MAX = 12;
const BIG_WAITING_MAX = 24;
const SPARKS = { burst: 8, spectacle: 14, legend: 20 };
// So many wait behind it, and a big one is shown for half as long.
const HURRY_FROM = 4;
const FASTEST_MS = 1500;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const EASE = "cubic-bezier(.2, .7, .3, 1)";

const MOVES = {
  rise: [{ transform: "translateY(60%) scale(.4)", opacity: 0 }, { transform: "translateY(0) scale(1.1)", opacity: 1, offset: 0.25 }, { transform: "translateY(-12%) scale(1)", opacity: 1, offset: 0.75 }, { transform: "translateY(-70%) scale(.9)", opacity: 0 }],
  fall: [{ transform: "translateY(-110%) rotate(-40deg)", opacity: 0 }, { transform: "translateY(0) rotate(14deg)", opacity: 1, offset: 0.4 }, { transform: "translateY(-14%) rotate(-8deg)", opacity: 1, offset: 0.55 }, { transform: "translateY(0)", opacity: 1, offset: 0.8 }, { transform: "translateY(30%)", opacity: 0 }],
  cross: [{ transform: "translateX(-130%)", opacity: 0 }, { transform: "translateX(-20%) rotate(-3deg)", opacity: 1, offset: 0.3 }, { transform: "translateX(20%) rotate(3deg)", opacity: 1, offset: 0.7 }, { transform: "translateX(130%)", opacity: 0 }],
  swim: [{ transform: "translate(-90%, 30%) rotate(-12deg)", opacity: 0 }, { transform: "translate(-25%, -15%) rotate(8deg)", opacity: 1, offset: 0.3 }, { transform: "translate(25%, 12%) rotate(-8deg)", opacity: 1, offset: 0.7 }, { transform: "translate(90%, -40%) rotate(10deg)", opacity: 0 }],
  beat: [{ transform: "scale(.2)", opacity: 0 }, { transform: "scale(1.2)", opacity: 1, offset: 0.18 }, { transform: "scale(.95)", offset: 0.32 }, { transform: "scale(1.12)", offset: 0.46 }, { transform: "scale(.97)", offset: 0.6 }, { transform: "scale(1.05)", opacity: 1, offset: 0.85 }, { transform: "scale(.6)", opacity: 0 }],
  shake: [{ transform: "scale(.4)", opacity: 0 }, { transform: "scale(1) rotate(-14deg)", opacity: 1, offset: 0.2 }, { transform: "rotate(14deg)", offset: 0.32 }, { transform: "rotate(-10deg)", offset: 0.44 }, { transform: "rotate(8deg)", offset: 0.56 }, { transform: "rotate(0)", opacity: 1, offset: 0.85 }, { transform: "scale(.8)", opacity: 0 }],
  glow: [{ transform: "scale(.7)", opacity: 0 }, { transform: "scale(1)", opacity: 1, offset: 0.25 }, { transform: "scale(1.06)", opacity: 1, offset: 0.8 }, { transform: "scale(1.2)", opacity: 0 }],
};
const FADE = [{ opacity: 0 }, { opacity: 1, offset: 0.15 }, { opacity: 1, offset: 0.85 }, { opacity: 0 }];

/** Return what plays gifts on a layer above the stage, and above the whole page. */
export function build(stage, page) {
  const stickers = [];
  const bigs = [];
  let stuck = 0;
  let playing = false;

  function play(entry) {
    const { rank } = tierOf(entry);
    if (rank === 1) queueSticker(entry);
    if (rank >= 2) queueBig(entry);
  }

  function queueSticker(entry) {
    stickers.push(entry);
    if (stickers.length > STICKERS_WAITING_MAX) stickers.shift();
    nextSticker();
  }

  function nextSticker() {
    if (stuck >= STICKERS_MAX || !stickers.length) return;
    const entry = stickers.shift();
    stuck += 1;
    const sticker = el("div", { class: `sticker place-${stuckPlace()}` }, picture(entry.gift_type, 96));
    stage.append(sticker);
    move(sticker, entry, tierOf(entry).ms).then(() => { sticker.remove(); stuck -= 1; nextSticker(); });
  }

  /** The louder first; among equals the earlier. What does not fit is the quietest, latest one. */
  function queueBig(entry) {
    const { rank } = tierOf(entry);
    let place = bigs.findIndex((other) => tierOf(other).rank < rank);
    if (place < 0) place = bigs.length;
    bigs.splice(place, 0, entry);
    if (bigs.length > BIG_WAITING_MAX) bigs.pop();
    nextBig();
  }

  function nextBig() {
    if (playing || !bigs.length) return;
    playing = true;
    const entry = bigs.shift();
    const hurried = bigs.length >= HURRY_FROM ? 0.5 : 1;
    const ms = Math.max(FASTEST_MS, tierOf(entry).ms * hurried);
    const whole = tierOf(entry).rank >= 3;
    const scene = el("div", { class: `big ${entry.tier}`, "aria-hidden": "true" },
      el("div", { class: "big-shade" }), el("div", { class: "rays" }), sparks(entry.tier),
      el("div", { class: "big-gift" }, picture(entry.gift_type, 320)), banner(entry));
    (whole ? page : stage).append(scene);
    const gift = scene.querySelector(".big-gift");
    scene.animate(FADE, { duration: ms, fill: "both" });
    if (!STILL.matches) sparkle(scene, ms);
    move(gift, entry, ms).then(() => { scene.remove(); playing = false; nextBig(); });
  }

  return { play, waiting: () => stickers.length + bigs.length };
}

let place = 0;
const stuckPlace = () => { place = (place + 1) % STICKERS_MAX; return place; };

function move(element, entry, ms) {
  const frames = STILL.matches ? FADE : MOVES[motionOf(entry.gift_type)];
  return element.animate(frames, { duration: ms, easing: EASE, fill: "both" }).finished;
}

function sparks(tier) {
  return Array.from({ length: STILL.matches ? 0 : SPARKS[tier] ?? 0 }, (_, index) => el("i", { class: `spark-dot shade-${index % 6}` }));
}

function sparkle(scene, ms) {
  scene.querySelector(".rays").animate([{ transform: "rotate(0)" }, { transform: "rotate(60deg)" }], { duration: ms });
  const dots = scene.querySelectorAll(".spark-dot");
  dots.forEach((dot, index) => {
    const angle = (index / dots.length) * 2 * Math.PI;
    const far = 24 + (index % 3) * 8;
    dot.animate([
      { transform: "translate(-50%, -50%) scale(0)", opacity: 1 },
      { transform: `translate(${Math.cos(angle) * far}vmin, ${Math.sin(angle) * far}vmin) scale(1)`, opacity: 0 },
    ], { duration: 1600, delay: 200 + (index % 5) * 180, iterations: Math.floor(ms / 2200), easing: EASE, fill: "backwards" });
  });
}

function banner(entry) {
  return el("p", { class: "banner" },
    who(entry.viewer ?? "Somebody"), " sent ",
    el("strong", {}, `${entry.name ?? entry.gift_type}${entry.count > 1 ? ` ×${entry.count}` : ""}`), " ", coins(entry.coins));
}
