// Plays Lottie's animations with lottie-web's light player, which knows no expressions: nothing in a file runs.
import player from "./lottie_player.js";

// Names of classes and ids, which would be those of this page.
const NAMES = ["cl", "ln", "tg"];

/** Draw an animation in `place`; it is ready when it could be drawn. */
export async function play(place, url) {
  const answer = await fetch(url, { credentials: "omit" });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  // The player changes what it is given, so each play has its own.
  const animationData = JSON.parse(await answer.text(), (name, value) => (NAMES.includes(name) && typeof value === "string" ? undefined : value));
  const animation = player.loadAnimation({ container: place, renderer: "svg", loop: true, autoplay: false, animationData, rendererSettings: { progressiveLoad: true, focusable: false } });
  await new Promise((resolve, reject) => {
    animation.addEventListener("DOMLoaded", resolve);
    animation.addEventListener("data_failed", () => reject(new Error("unreadable")));
    animation.addEventListener("error", () => reject(new Error("undrawable")));
  }).catch((error) => { animation.destroy(); throw error; });
  return { start: () => animation.play(), stop: () => animation.destroy() };
}
