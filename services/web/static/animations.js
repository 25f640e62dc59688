// The stage's effects. Only transform and opacity ever move; how many things there are is capped.
import { el } from "./dom.js";
import { film } from "./films.js";
import { filmsOf, motionOf, picture, tierOf } from "./gifts.js";
import { crest, scene } from "./scenery.js";
import { play as playSound } from "./sounds.js";
import { wantedEffects } from "./tools.js";

const STICKERS_MAX = 5;
const STICKERS_WAITING_MAX = 12;
const BIG_WAITING_MAX = 24;
// Whatever waited longer is not about now any more.
const LATE_MS = 8000;
const OWN_MAX = 200;
const SPARKS = { burst: 8, spectacle: 14, legend: 20 };
// So many wait behind it, and a big one is shown for half as long.
const HURRY_FROM = 4;
const FASTEST_MS = 1500;
// What cannot be fetched takes a while each.
const FILMS_TRIED_MAX = 2;
const LONGEST_MS = 60_000;
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

/** Return what plays gifts on a layer above the stage; `user` is whose gifts are their own. */
export function build(stage, { user }) {
  /** @type {{entry: any, came: number}[]} */
  const stickers = [];
  /** @type {{entry: any, came: number}[]} */
  const bigs = [];
  const ownGifts = new Set();
  let stuck = 0;
  let playing = false;
  // How often all was stopped: what was fetched for a time before that is not shown any more.
  let turn = 0;

  /** Remember what this person sent: an anonymous gift comes back without a name. */
  function own({ gift, combo }) {
    for (const id of [gift, combo]) if (id) ownGifts.add(id);
    for (const id of ownGifts) if (ownGifts.size > OWN_MAX) ownGifts.delete(id);
  }

  function isWanted(entry) {
    const wanted = wantedEffects();
    if (wanted !== "mine") return wanted === "all";
    return entry.viewer === user || ownGifts.has(entry.gift) || ownGifts.has(entry.combo);
  }

  function play(entry) {
    if (document.hidden || !isWanted(entry)) return;
    playSound(entry.tier);
    queue(entry);
  }

  function queue(entry) {
    const { rank } = tierOf(entry);
    if (rank === 1) queueSticker(entry);
    if (rank >= 2) queueBig(entry);
  }

  /** Show what a gift would look like, before it is sent. */
  function preview(gift, viewer) {
    clear();
    playSound(gift.tier);
    const entry = { ...gift, viewer, count: 1, coins: gift.price_coins, preview: true };
    if (tierOf(entry).rank >= 2) queueBig(entry);
    else queueSticker({ ...entry, tier: "glow" });
  }

  /** Stop everything: other effects are wanted from now on. */
  function clear() {
    turn += 1;
    stickers.length = 0;
    bigs.length = 0;
    for (const animation of stage.getAnimations({ subtree: true })) if (animation.effect?.target?.matches(".sticker, .big")) animation.finish();
  }

  function queueSticker(entry) {
    stickers.push({ entry, came: performance.now() });
    if (stickers.length > STICKERS_WAITING_MAX) stickers.shift();
    nextSticker();
  }

  function nextSticker() {
    if (stuck >= STICKERS_MAX) return;
    const entry = nextOf(stickers);
    if (!entry) return;
    stuck += 1;
    const sticker = el("div", { class: `sticker place-${stuckPlace()}` }, picture(entry.gift_type, 96));
    stage.append(sticker);
    move(sticker, entry, tierOf(entry).ms).then(() => { sticker.remove(); stuck -= 1; nextSticker(); });
  }

  /** The louder first; among equals the earlier. What does not fit is the quietest, latest one. */
  function queueBig(entry) {
    const { rank } = tierOf(entry);
    let place = bigs.findIndex((other) => tierOf(other.entry).rank < rank);
    if (place < 0) place = bigs.length;
    bigs.splice(place, 0, { entry, came: performance.now() });
    if (bigs.length > BIG_WAITING_MAX) bigs.pop();
    nextBig();
  }

  async function nextBig() {
    if (playing) return;
    const entry = nextOf(bigs);
    if (!entry) return;
    playing = true;
    const mine = turn;
    const hurried = bigs.length >= HURRY_FROM ? 0.5 : 1;
    const msOf = (whole) => Math.max(FASTEST_MS, Math.min(whole, tierOf(entry).ms) * hurried);
    const film = await filmScene(entry);
    const ms = msOf(film?.whole ?? LONGEST_MS);
    const shown = film ?? await scene(entry, ms) ?? plainScene(entry, stage, ms);
    if (mine === turn) await show(shown, ms);
    shown.stop?.();
    playing = false;
    nextBig();
  }

  async function show(shown, ms) {
    stage.append(shown.element);
    shown.start();
    await shown.element.animate(FADE, { duration: ms, fill: "both" }).finished.catch(() => {});
    shown.element.remove();
  }

  return { play, preview, own, clear, waiting: () => stickers.length + bigs.length };
}

/** The first that did not wait too long. */
function nextOf(waiting) {
  while (waiting.length) {
    const { entry, came } = waiting.shift();
    if (performance.now() - came <= LATE_MS) return entry;
  }
  return null;
}

let place = 0;
const stuckPlace = () => { place = (place + 1) % STICKERS_MAX; return place; };

function move(element, entry, ms) {
  const frames = STILL.matches ? FADE : MOVES[motionOf(entry.gift_type)];
  return element.animate(frames, { duration: ms, easing: EASE, fill: "both" }).finished.catch(() => {});
}

/** What the catalogue brings for a gift comes before what we have; null if it brings nothing that can be fetched and drawn. */
async function filmScene(entry) {
  for (const wanted of STILL.matches ? [] : filmsOf(entry.gift_type).slice(0, FILMS_TRIED_MAX)) {
    const found = await film(wanted).catch(() => null);
    if (found) return { ...found, whole: wanted.duration_ms, element: el("div", { class: `big film ${entry.tier}` }, el("div", { class: "big-shade" }), found.element, crest(entry)) };
  }
  return null;
}

/** Any gift that has no scene of its own: its picture in front of rays. */
function plainScene(entry, stage, ms) {
  const gift = el("div", { class: "big-gift" }, picture(entry.gift_type, 320));
  const rays = el("div", { class: "rays" });
  const dots = Array.from({ length: STILL.matches ? 0 : SPARKS[entry.tier] ?? 0 }, (_, index) => el("i", { class: `spark-dot shade-${index % 6}` }));
  const element = el("div", { class: `big ${entry.tier}` }, el("div", { class: "big-shade" }), rays, dots, gift, crest(entry));
  return {
    element,
    start: () => {
      move(gift, entry, ms);
      if (STILL.matches) return;
      rays.animate([{ transform: "rotate(0)" }, { transform: "rotate(60deg)" }], { duration: ms });
      sparkle(dots, stage.clientHeight, ms);
    },
  };
}

function sparkle(dots, height, ms) {
  dots.forEach((dot, index) => {
    const angle = (index / dots.length) * 2 * Math.PI;
    const far = height * (0.24 + (index % 3) * 0.08);
    dot.animate([
      { transform: "translate(-50%, -50%) scale(0)", opacity: 1 },
      { transform: `translate(${Math.cos(angle) * far}px, ${Math.sin(angle) * far}px) scale(1)`, opacity: 0 },
    ], { duration: 1600, delay: 200 + (index % 5) * 180, iterations: Math.floor(ms / 2200), easing: EASE, fill: "backwards" });
  });
}
