// What the pages know of gifts: the catalogue, their pictures, and how each one moves.
import { get, path } from "./api.js";
import { drawingOf } from "./drawings.js";
import { plays } from "./films.js";
import { language } from "./language.js";
import { money } from "./words.js";

// From quiet to loud: the louder one goes first. The longest a gift of a tier may be seen, in ms.
export const TIERS = {
  spark: { rank: 0, ms: 1000 },
  glow: { rank: 1, ms: 2000 },
  burst: { rank: 2, ms: 4000 },
  spectacle: { rank: 3, ms: 7500 },
  legend: { rank: 4, ms: 14000 },
};

// How a gift crosses the picture; the rest rise. Ids are for ever, so they can be named here.
const MOTIONS = {
  fall: ["g_sock", "g_maple", "g_clover", "g_cookie"],
  cross: ["g_boat", "g_loco", "g_storm"],
  swim: ["g_manta", "g_koi", "g_kite", "g_glowbug"],
  beat: ["g_drum", "g_pebble", "g_note", "g_whistle", "g_fox", "g_piano", "g_gnome"],
  shake: ["g_snow", "g_lemon", "g_owl"],
  glow: ["g_moon", "g_aurora", "g_lighthouse", "g_harbour", "g_observatory", "g_orchestra", "g_crown"],
};
const MOTION_OF = Object.fromEntries(Object.entries(MOTIONS).flatMap(([motion, ids]) => ids.map((id) => [id, motion])));

export const motionOf = (id) => MOTION_OF[id] ?? "rise";
export const tierOf = (entry) => TIERS[entry.tier] ?? TIERS.spark;

// What an installation's catalogue has of its own, by gift: it comes before our drawings.
const icons = new Map();
const films = new Map();
const names = new Map();
// In a drawing of ours: it moves, and has no ground of its own.
const MOVING = "#scene";

/** Gifts of a new installation name our own drawings, which are here already. */
const isOwn = (id, /** @type {unknown} */ url) => url !== `/static/gifts/${id}.svg`;

/** A picture of a gift; one we have no drawing for is a wrapped present. */
export function picture(id, size = 48, { isMoving = false, url = icons.get(id) } = {}) {
  const image = new Image(size, size);
  image.alt = "";
  image.decoding = "async";
  const draw = () => drawingOf(id).then((drawing) => { image.src = drawing && isMoving ? drawing + MOVING : drawing; });
  // What cannot be fetched, or may not be by the policy of the pages, is no reason for a hole.
  image.onerror = () => { image.onerror = null; draw(); };
  if (url && isOwn(id, url)) image.src = url;
  else draw();
  return image;
}

/** What the catalogue shows while a gift is played, the best first: format, address and length of all that a browser can play. */
export const filmsOf = (id) => films.get(id) ?? [];

export async function catalogue() {
  const { items } = await get(path`/v1/catalogue?language=${language}`);
  for (const { gift_type: id, name, icon_url: icon, animations = [] } of items) {
    names.set(id, name);
    if (icon && isOwn(id, icon)) icons.set(id, icon);
    else icons.delete(id);
    films.set(id, animations.filter(({ format, url }) => isOwn(id, url) && plays(String(format))));
  }
  return items.filter((gift) => gift.is_active !== false);
}

/** What a gift in the feed is called: as the catalogue has it, in the page's language. */
export const nameOfGift = (entry) => names.get(entry.gift_type) ?? entry.name ?? entry.gift_type;

/** What a gift costs in money, as people read it; empty where no coins are sold. */
export const moneyOf = (gift) => (gift.price_display ? money(gift.price_display.amount_minor, gift.price_display.currency) : "");
