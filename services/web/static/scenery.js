// Which gifts have a scene of their own, and what every loud gift has: the crest of its sender.
import { coins, el } from "./dom.js";
import { nameOfGift, picture } from "./gifts.js";
import { number, t } from "./language.js";
import { avatar, who } from "./people.js";

/** The ids of the gifts that have a scene. */
export const withScene = ["g_loco", "g_manta", "g_orchestra", "g_piano", "g_observatory", "g_harbour", "g_storm", "g_citadel", "g_crown"];

let loading = null;
/** Fetch what scenes are made of: most people in a room never see one. */
const load = () => {
  loading ??= Promise.all([import("./scenes.js"), sheet(new URL("./scenes.css", import.meta.url).href)]).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
};

/** A style that is not the page's from the start. */
function sheet(href) {
  return new Promise((resolve, reject) => {
    const link = el("link", { rel: "stylesheet", href, onload: () => resolve(link), onerror: () => { link.remove(); reject(new Error(href)); } });
    document.head.append(link);
  });
}

/** The scene of a gift, to be put on the stage and started; null if it has none, or none can be fetched. */
export async function scene(entry, ms) {
  if (!withScene.includes(entry.gift_type)) return null;
  try {
    const [{ build }] = await load();
    return build(entry, ms, { el, avatar, picture, crest });
  } catch {
    return null;
  }
}

/** Who sent it: face, name, gift, and the number of the combo. */
export function crest(entry) {
  const count = entry.repeat_count ?? entry.count ?? 1;
  return el("div", { class: "crest" }, avatar(entry.viewer),
    el("p", {}, who(entry.viewer), el("span", {}, entry.preview ? t("effect.preview") : nameOfGift(entry))),
    count > 1 ? el("strong", { class: "crest-count" }, `×${number(count)}`) : null, coins(entry.coins));
}
