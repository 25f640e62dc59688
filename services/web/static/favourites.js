// The gifts of one person in this browser: favourites, and those sent last, newest first.
import { keep, recall } from "./local.js";

const FAVOURITES_MAX = 60;
const RECENT_MAX = 12;

/** Return what is kept of `user`, and what changes it. All are ids of gifts. */
export function build(user) {
  const ids = (name) => {
    const found = recall(`${name}.${user}`, []);
    return Array.isArray(found) ? found.filter((id) => typeof id === "string") : [];
  };
  let favourites = ids("favourites");
  let recent = ids("recent");

  return {
    favourites: () => favourites,
    recent: () => recent,
    isFavourite: (id) => favourites.includes(id),
    toggle(id) {
      favourites = favourites.includes(id) ? favourites.filter((other) => other !== id) : [id, ...favourites].slice(0, FAVOURITES_MAX);
      keep(`favourites.${user}`, favourites);
    },
    sent(id) {
      if (recent[0] === id) return;
      recent = [id, ...recent.filter((other) => other !== id)].slice(0, RECENT_MAX);
      keep(`recent.${user}`, recent);
    },
  };
}
