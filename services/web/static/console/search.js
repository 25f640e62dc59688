// One field for everything: a person, a room, or the id of a purchase, gift, payout or event.
import { find, NoAddress, path } from "../api.js";
import { el } from "../dom.js";
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
  } }, el("label", { class: "field" }, "Search for a person, a room or any id", field), el("button", { class: "primary" }, "Search"));
}

/** What has these words as its id or name, as far as the caller may see it. */
export function found(words) {
  const section = card(`What is called ${words}`, async () => {
    const hits = (await Promise.all(UUID.test(words) ? byId(words) : byName(words))).flat().filter(Boolean);
    return el("ul", { class: "lines" }, [...hits.map(line), line({ kind: "Person", name: words, text: "Look at whoever has this id", href: personAddress(words) })]);
  }, { id: "found" });
  return section;
}

const line = ({ kind, name, text, href }) => el("li", {}, el("span", { class: "tag" }, kind),
  el("span", { class: "grow" }, href ? el("a", { href }, name) : el("strong", {}, name), el("span", { class: "small muted" }, text)));

function byId(id) {
  return [
    may("disputes:read") ? look(path`/v1/operator/purchase/purchases/${id}`, (one) => ({ kind: "Purchase", name: id, text: `of ${one.viewer}`, href: `${personAddress(one.viewer)}#purchase-${id}` })) : null,
    may("disputes:read") ? look(path`/v1/operator/payout/payouts/${id}`, (one) => ({ kind: "Payout", name: id, text: `of ${one.creator}`, href: `${personAddress(one.creator)}#payout-${id}` })) : null,
    may("disputes:read") ? look(path`/v1/operator/live/gifts/${id}`, gift) : null,
    may("books:read") ? message(id) : null,
  ];
}

const gift = (one) => [
  { kind: "Gift", name: one.gift, text: `from ${one.viewer}, ${one.coins} coins, ${time(one.sent_at)}`, href: `${personAddress(one.viewer)}#gift-${one.gift}` },
  { kind: "Creator", name: one.creator, text: "got this gift", href: personAddress(one.creator) },
  one.room ? { kind: "Room", name: one.room, text: "where it was sent", href: searchAddress(one.room) } : null,
];

/** Which services handled an event, and whether one has yet to publish it. */
async function message(id) {
  const states = await Promise.all(SERVICES.map(([service]) => find(path`/v1/operator/${service}/messages/${id}`).catch(() => null)));
  const known = states.filter((state) => state?.handled.length || state?.waits_in_outbox || state?.blocked.length);
  if (!known.length) return null;
  return known.flatMap((state) => [
    ...state.handled.map((each) => ({ kind: "Event", name: each.queue, text: `handled it ${time(each.received_at)}` })),
    state.waits_in_outbox ? { kind: "Event", name: state.service, text: state.blocked.length ? `did not publish it yet: ${state.blocked[0].reason}` : "did not publish it yet" } : null,
  ]);
}

const byName = (name) => [name.length <= ROOM_MAX ? look(() => path`/v1/rooms/${name}`, (room) => (room.creator || room.gifts || room.live ? [
  { kind: "Room", name, text: `${room.live ? "live" : "not live"}, ${room.gifts} gifts, ${room.coins} coins`, href: `/rooms/${encodeURIComponent(name)}` },
  room.creator ? { kind: "Owner", name: room.creator, text: `owns ${name}`, href: personAddress(room.creator) } : null,
] : null)) : null];

/** A name that can be no address names nothing; what does not answer says so, and hides no other hit. */
async function look(address, shown) {
  try {
    const one = await find(typeof address === "function" ? address() : address);
    return one && shown(one);
  } catch (error) {
    if (error instanceof NoAddress || error.status === 422) return null;
    return { kind: "No answer", name: sentence(error), text: "" };
  }
}
