// What fills the stage: a drawing, the player of the adopter in a frame, or nothing, where the application around us has its own below.
import { el, show } from "./dom.js";
import { drawingOf } from "./drawings.js";
import { isUnderlaid, tell } from "./host.js";

// The player's address for a room, and what it may do in its frame.
const PLAYER = document.querySelector("meta[name=ovation-player]")?.getAttribute("content") ?? "";
const ALLOWED = {
  allow: "autoplay; encrypted-media; fullscreen; picture-in-picture",
  // One of our own origin would read what we keep, and take its own sandbox off.
  sandbox: `allow-scripts allow-presentation allow-popups allow-forms${PLAYER.startsWith(`${location.origin}/`) ? "" : " allow-same-origin"}`,
  referrerpolicy: "strict-origin",
};

/**
 * Return the element, and `draw(live, title)`.
 * @param {string} room
 */
export function build(room) {
  const element = el("div", { class: "stage-slot" });
  if (isUnderlaid) return underlaid(element);
  return PLAYER ? framed(element, room) : drawn(element);
}

function drawn(element) {
  const host = el("img", { class: "stage-host", alt: "", width: 260, height: 280 });
  const studio = el("img", { class: "stage-back", alt: "", width: 640, height: 360 });
  drawingOf("scene/host").then((drawing) => { host.src = drawing; });
  drawingOf("scene/studio").then((drawing) => { studio.src = drawing; });
  const lights = [el("i", { class: "beam one" }), el("i", { class: "beam two" }), el("i", { class: "bars" }, Array.from({ length: 7 }, () => el("b")))];
  show(element, studio, lights, host);
  return {
    element,
    draw: (live, title) => {
      host.alt = title;
      for (const part of [host, ...lights]) part.hidden = !live;
    },
  };
}

/** The player is there while somebody is live: nothing goes on sounding after the end. */
function framed(element, room) {
  const frame = el("iframe", { class: "stage-frame", title: "", ...ALLOWED, src: PLAYER.replace("{room}", encodeURIComponent(room)) });
  return {
    element,
    draw: (live, title) => {
      if (!live) show(element);
      else if (frame.isConnected) frame.title = title;
      else show(element, frame);
    },
  };
}

let current = null;
const report = () => {
  if (!current?.isConnected) return;
  const { x, y, width, height } = current.getBoundingClientRect();
  tell("player", { left: x, top: y, width, height });
};

/** The application puts its player where the stage is: it hears where that is. */
function underlaid(element) {
  if (!current) {
    window.addEventListener("scroll", report, { passive: true });
    window.addEventListener("resize", report);
  }
  current = element;
  new ResizeObserver(report).observe(element);
  return { element, draw: report };
}
