// The gifts a creator received: one line a combo, the newest first, page by page.
import { get, path } from "./api.js";
import { coins, diamonds, el, empty, show } from "./dom.js";
import { catalogue, picture } from "./gifts.js";
import { nameOf, parts, t } from "./language.js";
import { avatar, called, who } from "./people.js";
import { card, doing } from "./shell.js";
import { thank } from "./studio.js";
import { day, time, words } from "./words.js";

const PAGE = 50;
let names = null;

/** What gifts are called, in the page's language; one that is no longer offered goes by its id. */
export async function giftNames() {
  names ??= catalogue().then((gifts) => new Map(gifts.map((gift) => [gift.gift_type, gift.name])));
  const known = await names.catch(() => { names = null; return new Map(); });
  return (type) => known.get(type) ?? (type ? words(type.replace(/^g_/, "")) : t("received.gift"));
}

export function received() {
  return card(t("received.title"), draw, { className: "across", id: "received" });
}

async function draw() {
  const [nameOfGift, first] = await Promise.all([giftNames(), page(null)]);
  if (!first.items.length) return empty(t("received.none"), t("received.none-text"));
  const gifts = [];
  const list = el("ul", { class: "lines received" });
  let cursor = null;
  const more = el("button", { class: "quiet", id: "more-gifts", onclick: (event) => doing(event.currentTarget, async () => add(await page(cursor))) }, t("step.more"));

  function add(found) {
    gifts.push(...found.items);
    show(list, together(gifts).map((combo) => line(combo, nameOfGift)));
    cursor = found.next_cursor;
    more.hidden = !cursor;
  }

  add(first);
  return el("div", { class: "stack" }, list, more);
}

const page = (cursor) => get(cursor ? path`/v1/earnings/me/gifts?limit=${PAGE}&cursor=${cursor}` : path`/v1/earnings/me/gifts?limit=${PAGE}`);

/** The gifts of one combo are one line, at the place of its newest gift. */
export function together(gifts) {
  const lines = new Map();
  for (const gift of gifts) {
    const key = gift.combo ? `${gift.combo} ${gift.shared_by ?? ""}` : gift.gift;
    const known = lines.get(key);
    if (!known) lines.set(key, { ...gift, count: gift.count ?? 1 });
    else {
      for (const sum of ["coins", "diamonds", "reversed_diamonds"]) known[sum] += gift[sum];
      known.count += gift.count ?? 1;
      known.state = worse(known.state, gift.state);
      if (gift.matures_at > known.matures_at) Object.assign(known, { matures_at: gift.matures_at, hold_reason: gift.hold_reason });
    }
  }
  return [...lines.values()];
}

/** Of a combo in part available and in part not: the part that waits is what one looks for. */
function worse(one, other) {
  if (one === other) return one;
  return [one, other].includes("pending") ? "pending" : "available";
}

function line(gift, nameOfGift) {
  const name = nameOfGift(gift.gift_type);
  return el("li", {}, el("span", { class: "gift-picture" }, picture(gift.gift_type ?? "plain", 40)),
    el("span", { class: "grow" },
      el("strong", {}, gift.count > 1 ? t("received.many", { count: gift.count, gift: name }) : name),
      el("span", { class: "row small" }, avatar(gift.viewer), who(gift.viewer)),
      el("span", { class: "small muted" }, place(gift))),
    state(gift),
    gift.reversed_diamonds ? el("span", { class: "small muted" }, t("received.taken-back", { count: gift.reversed_diamonds })) : null,
    coins(gift.coins, { class: "muted" }), diamonds(gift.diamonds),
    gift.room && !gift.shared_by ? thankButton(gift, name) : null);
}

function thankButton(gift, name) {
  const button = el("button", { class: "tiny", onclick: () => thank(gift.room, gift) }, t("creator.thank"));
  called(gift.viewer, (viewer) => button.setAttribute("aria-label", t("creator.thank-for", { viewer, gift: name })));
  return button;
}

function place({ earned_at: at, room, shared_by: sharer }) {
  if (sharer) return parts("received.shared", { when: time(at), creator: who(sharer) });
  return room ? t("received.in-room", { when: time(at), room }) : time(at);
}

function state({ state: code, matures_at: at, hold_reason: reason }) {
  const tone = { available: "good", reversed: "bad" }[code] ?? "warn";
  const isWaiting = code === "pending";
  return el("span", { class: `tag ${tone}`, title: isWaiting ? nameOf("hold", reason) : null }, isWaiting ? t("received.unlocks", { day: day(at) }) : nameOf("earning-state", code));
}

