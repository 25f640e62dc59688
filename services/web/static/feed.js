// What happened in the room, newest first; many entries of one frame are drawn in one go.
import { avatar, coins, el, icon } from "./dom.js";
import { picture } from "./gifts.js";

const LINES_MAX = 40;
// What a burst leaves for later frames is not worth drawing.
const WAITING_MAX = 60;

export function build({ list, tray, effects, changed }) {
  const waiting = [];
  const lines = new Map();
  let asked = false;

  function heard(kind, entry, { quiet = false } = {}) {
    waiting.push({ kind, entry, quiet });
    if (waiting.length > WAITING_MAX) waiting.shift();
    if (!asked) requestAnimationFrame(draw);
    asked = true;
  }

  function draw() {
    asked = false;
    const batch = waiting.splice(0);
    const drawn = new Map();
    for (const { kind, entry, quiet } of batch) {
      const key = kind === "gift" || kind === "combo" ? entry.combo ?? entry.gift : `${kind}-${lines.size}-${drawn.size}`;
      drawn.delete(key);
      drawn.set(key, { kind, entry, quiet });
    }
    const fresh = document.createDocumentFragment();
    for (const [key, { kind, entry, quiet }] of [...drawn].reverse()) {
      lines.get(key)?.remove();
      const line = lineOf(kind, entry);
      if (!line) continue;
      lines.set(key, line);
      fresh.append(line);
      if (!quiet && kind === "gift") tray.show(entry);
      if (kind === "combo") tray.end(entry.combo);
    }
    for (const { kind, entry, quiet } of batch) if (kind === "gift" && !quiet) effects.play(entry);
    list.prepend(fresh);
    for (const [key, line] of lines) {
      if (lines.size <= LINES_MAX) break;
      line.remove();
      lines.delete(key);
    }
    changed(batch);
  }

  return { heard };
}

function lineOf(kind, entry) {
  if (kind === "gift" || kind === "combo") return giftLine(entry);
  const said = SAID[kind]?.(entry);
  return said ? el("li", { class: `feed-line said ${kind}` }, icon("star"), el("span", {}, said)) : null;
}

function giftLine(entry) {
  const name = entry.viewer ?? "Somebody";
  const count = entry.repeat_count ?? entry.count;
  return el("li", { class: `feed-line ${entry.tier ?? "spark"}` },
    avatar(name), el("span", { class: "feed-text" },
      el("span", {}, el("strong", {}, name), entry.level ? badge(entry.level) : null, " ", entry.first ? el("span", { class: "tag good" }, "first gift") : null),
      el("span", { class: "muted" }, `${entry.name ?? entry.gift_type} ×${count}`),
      entry.message ? el("q", {}, entry.message) : null),
    picture(entry.gift_type, 32), coins(entry.combo_coins ?? entry.coins));
}

export const badge = (level) => el("span", { class: `badge level-${Math.min(5, Math.ceil(level / 10))}`, title: `Gifter level ${level}` }, `Lv ${level}`);

const SAID = {
  goal: (entry) => `Goal reached: ${entry.title}`,
  level: (entry) => `${entry.viewer ?? "Somebody"} is level ${entry.level} now`,
  perk: (entry) => `${entry.viewer ?? "Somebody"} unlocked “${entry.title}”`,
  thanks: (entry) => `${entry.creator} thanks ${entry.viewer ?? "somebody"}${entry.message ? `: “${entry.message}”` : ""}`,
  first_gift: (entry) => `${entry.viewer ?? "Somebody"} gave for the first time. Welcome!`,
  room: (entry) => (entry.closed_at ? "The stream is over. Thank you all!" : `Live now: ${entry.title ?? "a new stream"}`),
};
