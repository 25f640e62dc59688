// What happened in the room, newest first; many entries of one frame are drawn in one go.
import { el, icon, show } from "./dom.js";
import { nameOfGift, picture } from "./gifts.js";
import { number, parts, t } from "./language.js";
import { avatar, these, who } from "./people.js";

const LINES_MAX = 40;
// What a burst leaves for later frames is not worth drawing.
const WAITING_MAX = 60;

export function build({ list, tray, effects, changed }) {
  const waiting = [];
  const lines = new Map();
  let scheduled = false;
  let others = 0;

  function receive(kind, entry, { quiet = false } = {}) {
    waiting.push({ kind, entry, quiet });
    if (waiting.length > WAITING_MAX) waiting.shift();
    if (!scheduled) requestAnimationFrame(draw);
    scheduled = true;
  }

  function draw() {
    scheduled = false;
    const batch = waiting.splice(0);
    const drawn = new Map();
    for (const { kind, entry, quiet } of batch) {
      others += 1;
      const key = keyOf(kind, entry) ?? `${kind}-${others}`;
      drawn.delete(key);
      drawn.set(key, { kind, entry, quiet });
    }
    const fresh = document.createDocumentFragment();
    for (const [key, { kind, entry }] of [...drawn].reverse()) {
      // A combo grows where it stands: one text changes, nothing is built or moved.
      const line = lines.get(key);
      if (line) line.grow(entry);
      else add(key, lineOf(kind, entry), fresh);
    }
    list.prepend(fresh);
    for (const { kind, entry } of batch) if (kind === "message") decided(entry);
    // Animations last: each makes the browser look at everything that was changed before it.
    for (const { kind, entry, quiet } of drawn.values()) {
      if (kind === "gift" && !quiet) tray.show(entry);
      if (kind === "combo") tray.end(entry.combo);
    }
    for (const { kind, entry, quiet } of batch) if (kind === "gift" && !quiet) effects.play(entry);
    for (const [key, line] of lines) {
      if (lines.size <= LINES_MAX) break;
      line.element.remove();
      lines.delete(key);
    }
    changed();
  }

  /** A creator approved what somebody wrote, or removed it. */
  function decided({ gift, message }) {
    for (const line of list.querySelectorAll(`[data-says="${CSS.escape(gift)}"]`)) line.replaceChildren(...(message ? [el("q", {}, message)] : []));
  }

  function add(key, line, place) {
    if (!line) return;
    lines.set(key, line);
    place.append(line.element);
  }

  return { receive };
}

/** What is one line: a gift, all gifts of a combo, all levels that a viewer reaches. */
function keyOf(kind, entry) {
  if (kind === "gift" || kind === "combo") return entry.combo ?? entry.gift;
  return kind === "level" && entry.viewer ? `level-${entry.viewer}` : null;
}

function lineOf(kind, entry) {
  if (kind === "gift" || kind === "combo") return giftLine(entry);
  if (kind === "level") return levelLine(entry);
  const line = LINES[kind]?.(entry);
  return line ? { element: el("li", { class: `feed-line said ${kind}` }, icon("star"), el("span", {}, line)), grow: () => {} } : null;
}

function giftLine(entry) {
  const what = el("span", { class: "muted" });
  const cost = el("span", { class: "feed-cost" });
  let count = 0;
  // Entries may come in any order: of one combo only the latest state is shown.
  const grow = (latest) => {
    const counted = latest.repeat_count ?? latest.count;
    if (counted <= count) return;
    count = counted;
    show(what, t("gift.times", { gift: nameOfGift(entry), times: count }));
    cost.textContent = number(latest.combo_coins ?? latest.coins);
  };
  grow(entry);
  const element = el("li", { class: `feed-line ${entry.tier ?? "spark"}` },
    avatar(entry.viewer), el("span", { class: "feed-text" },
      el("span", {}, who(entry.viewer), entry.level ? badge(entry.level) : null, " ", entry.first ? el("span", { class: "tag good" }, t("feed.first")) : null),
      what, el("span", { "data-says": entry.gift }, entry.message ? el("q", {}, entry.message) : null)),
    picture(entry.gift_type, 32), el("span", { class: "amount" }, icon("coin", "icon coin"), cost, el("span", { class: "unseen" }, " ", t("unit.coins", { count }))));
  return { element, grow };
}

function levelLine(entry) {
  const text = el("span");
  const viewer = who(entry.viewer);
  let level = 0;
  // Entries may come in any order, and a level may be lost again: the last change is what counts.
  const grow = (latest) => {
    level = latest.previous_level < latest.level ? Math.max(level, latest.level) : latest.level;
    show(text, parts("feed.level", { viewer, level }));
  };
  grow(entry);
  return { element: el("li", { class: "feed-line said level" }, icon("star"), text), grow };
}

export const badge = (level) => el("span", { class: `badge level-${Math.min(5, Math.ceil(level / 10))}`, title: t("feed.gifter-level", { level }) }, t("feed.level-short", { level }));

const OF_ROOM = {
  opened: (entry) => entry.title ? t("feed.opened", { title: entry.title }) : t("feed.opened-untitled"),
  closed: () => t("feed.closed"),
  guests: (entry) => (entry.guests.length ? parts("feed.guests", { guests: these(entry.guests) }) : t("feed.no-guests")),
};
const LINES = {
  goal: (entry) => t("feed.goal", { title: entry.title }),
  perk: (entry) => parts("feed.perk", { viewer: who(entry.viewer), title: entry.title }),
  thanks: (entry) => entry.message
    ? parts("feed.thanks-with", { creator: who(entry.creator), viewer: who(entry.viewer), message: entry.message })
    : parts("feed.thanks", { creator: who(entry.creator), viewer: who(entry.viewer) }),
  first_gift: (entry) => parts("feed.first-gift", { viewer: who(entry.viewer) }),
  room: (entry) => OF_ROOM[entry.state]?.(entry),
};
