// Films of gifts: what the catalogue shows while a gift is played. Each is ready to be drawn, or it fails.
import { el } from "./dom.js";

const PICTURES = ["webp", "apng", "avif", "gif", "png", "svg"];
const VIDEOS = ["webm", "mp4"];
const LOTTIE = "lottie";
// A film that takes longer is not about now any more.
const READY_MS = 3000;

/** Whether this browser plays a format, as far as its name says. */
export const plays = (format) => [...PICTURES, ...VIDEOS, LOTTIE].includes(format);

/**
 * A film that can be put on the page: it begins with `start`, and `stop` lets go of all that it holds.
 * @param {{format: string, url: string}} animation
 * @returns {Promise<{element: HTMLElement, start: () => void, stop: () => void}>}
 */
export function film({ format, url }) {
  if (format === LOTTIE) return inTime(lottie(url));
  return inTime(VIDEOS.includes(format) ? video(url) : image(url));
}

/** Give up what is not there in time; if it comes after all, it is let go. */
function inTime(coming) {
  let isLate = false;
  const patience = new Promise((_, reject) => { setTimeout(() => { isLate = true; reject(new Error("late")); }, READY_MS); });
  coming.then((found) => { if (isLate) found.stop(); }, () => {});
  return Promise.race([coming, patience]);
}

const loaded = (element, event) => new Promise((resolve, reject) => {
  element.addEventListener(event, resolve, { once: true });
  element.addEventListener("error", () => reject(new Error("unreadable")), { once: true });
});

async function image(url) {
  const element = el("img", { class: "shown", alt: "" });
  const ready = loaded(element, "load");
  element.src = url;
  await ready;
  return { element, start: () => {}, stop: () => {} };
}

async function video(url) {
  const element = el("video", { class: "shown", playsinline: true, loop: true, preload: "auto" });
  // Without this no browser begins by itself; as an attribute it counts only in what a server wrote.
  element.muted = true;
  const ready = loaded(element, "loadeddata");
  element.src = url;
  await ready;
  return {
    element,
    start: () => { element.play().catch(() => {}); },
    // A video without an address lets go of its decoder.
    stop: () => { element.pause(); element.removeAttribute("src"); element.load(); },
  };
}

/** The player of Lottie is as large as all of a room: it is fetched with the first such film. */
async function lottie(url) {
  const element = el("div", { class: "shown" });
  const { play } = await import("./lottie.js");
  return { element, ...await play(element, url) };
}
