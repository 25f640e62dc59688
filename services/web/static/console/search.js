// One field for everything: a person, a room, or the id of a purchase, gift, payout or event.
import { find, NoAddress, path } from "../api.js";
import { el } from "../dom.js";
import { nameOf, t } from "../language.js";
import { card, sentence } from "../shell.js";
import { time } from "../words.js";
import { may } from "./access.js";
import { asked, personAddress, searchAddress } from "./addresses.js";
import { SERVICES } from "./operations.js";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
// A user id has at most 255 characters; a field counts some of them twice.
const WORDS_MAX = 510;
const ROOM_MAX = 64;

/** The field; what it finds has an address of its own. */
export function searchField() {
  const field = el("input", { name: "q", type: "search", required: true, maxlength: WORDS_MAX, autocomplete: "off", value: asked().words || asked().person });
  return el("form", { class: "search", role: "search", onsubmit: (event) => {
    event.preventDefault();
    if (field.value.trim()) location.assign(searchAddress(field.value.trim()));
  } }, el("label", { class: "field" }, t("console.search-for"), field), el("button", { class: "primary" }, t("console.search")));
}

/** What has these words as its id or name, as far as the caller may see it. */
export function found(words) {
  const section = card(t("console.found", { words }), async () => {
    const hits = (await Promise.all(UUID.test(words) ? byId(words) : byName(words))).flat().filter(Boolean);
    return el("ul", { class: "lines" }, [...hits.map(line), line({ kind: "person", name: words, text: t("console.found-person"), href: personAddress(words) })]);
  }, { id: "found" });
  return section;
}

const line = ({ kind, name, text, href }) => el("li", {}, el("span", { class: "tag" }, nameOf("console-found", kind)),
  el("span", { class: "grow" }, href ? el("a", { href }, name) : el("strong", {}, name), el("span", { class: "small muted" }, text)));

function byId(id) {
  return [
    may("disputes:read") ? look(path`/v1/operator/purchase/purchases/${id}`, (one) => ({ kind: "purchase", name: id, text: t("console.found-of", { person: one.viewer }), href: `${personAddress(one.viewer)}#purchase-${id}` })) : null,
    may("disputes:read") ? look(path`/v1/operator/payout/payouts/${id}`, (one) => ({ kind: "payout", name: id, text: t("console.found-of", { person: one.creator }), href: `${personAddress(one.creator)}#payout-${id}` })) : null,
    may("disputes:read") ? look(path`/v1/operator/live/gifts/${id}`, gift) : null,
    may("books:read") ? message(id) : null,
  ];
}

const gift = (one) => [
  { kind: "gift", name: one.gift, text: t("console.found-gift", { viewer: one.viewer, count: one.coins, time: time(one.sent_at) }), href: `${personAddress(one.viewer)}#gift-${one.gift}` },
  { kind: "creator", name: one.creator, text: t("console.found-creator"), href: personAddress(one.creator) },
  one.room ? { kind: "room", name: one.room, text: t("console.found-where"), href: searchAddress(one.room) } : null,
];

/** Which services handled an event, and whether one has yet to publish it. */
async function message(id) {
  const states = await Promise.all(SERVICES.map((service) => find(path`/v1/operator/${service}/messages/${id}`).catch(() => null)));
  const known = states.filter((state) => state?.handled.length || state?.waits_in_outbox || state?.blocked.length);
  if (!known.length) return null;
  return known.flatMap((state) => [
    ...state.handled.map((each) => ({ kind: "event", name: each.queue, text: t("console.found-handled", { time: time(each.received_at) }) })),
    state.waits_in_outbox ? { kind: "event", name: nameOf("console-service", state.service), text: state.blocked.length ? t("console.found-blocked", { reason: state.blocked[0].reason }) : t("console.found-unpublished") } : null,
  ]);
}

const byName = (name) => [name.length <= ROOM_MAX ? look(() => path`/v1/rooms/${name}`, (room) => (room.creator || room.gifts || room.live ? [
  { kind: "room", name, text: t(room.live ? "console.found-live" : "console.found-room", { gifts: room.gifts, coins: room.coins }), href: `/rooms/${encodeURIComponent(name)}` },
  room.creator ? { kind: "owner", name: room.creator, text: t("console.found-owner", { room: name }), href: personAddress(room.creator) } : null,
] : null)) : null];

/** A name that can be no address names nothing; what does not answer says so, and hides no other hit. */
async function look(address, shown) {
  try {
    const one = await find(typeof address === "function" ? address() : address);
    return one && shown(one);
  } catch (error) {
    if (error instanceof NoAddress || error.status === 422) return null;
    return { kind: "silence", name: sentence(error), text: "" };
  }
}
