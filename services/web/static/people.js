// People as they are called and look: an id is never shown. Whom a page shows in one moment is asked for
// in one request; until the answer, and for whom nothing is known, a stand-in is there.
import { get, path, put } from "./api.js";
import { el, show } from "./dom.js";
import { locale, t } from "./language.js";
import { me } from "./session.js";

// As many as one request may name.
const ASKED_MAX = 50;
const KNOWN_MAX = 2000;
// A room full of strangers is still a few requests.
const APART_MS = 250;
const KNOWN_MS = 10 * 60_000;
// Nothing is known of them yet, or nobody answered.
const UNKNOWN_MS = 60_000;
const FAILED_MS = 5_000;
// What stands in a line as a whole; more of it is read when pointed at.
const TITLED_FROM = 20;
const SHADES = 6;
const NOTED = "ovation.noted";

/** @typedef {{name: string | null, picture: string | null, until: number}} Person */
/** @type {Map<string, Person>} */
const people = new Map();
/** @type {Map<string, ((person: Person) => void)[]>} */
const waiting = new Map();
const asked = new Set();
let isScheduled = false;
let askedAt = 0;
/** @type {string | null} */
let introduced = null;

/** Who it is: their name, or what stands in for it. Nobody in particular gave anonymously. */
export function who(/** @type {string | null | undefined} */ user) {
  const element = el("strong", { class: "who", dir: "auto" });
  called(user, (name) => {
    show(element, name);
    if ([...name].length > TITLED_FROM) element.title = name;
    else element.removeAttribute("title");
  });
  return element;
}

/** Several people, one after the other, as people list them here. */
export function these(/** @type {string[]} */ users) {
  const places = users.map((_, place) => String(place));
  return new Intl.ListFormat(locale, { type: "conjunction" }).formatToParts(places)
    .map(({ type, value }) => (type === "element" ? who(users[Number(value)]) : value));
}

/** The picture of a person; the first sign of their name while there is none. */
export function avatar(/** @type {string | null | undefined} */ user) {
  const element = el("span", { class: `avatar shade-${user ? numberOf(user) % SHADES : 0}`, "aria-hidden": "true" });
  const initial = (name) => show(element, [...name][0]?.toUpperCase() ?? "?");
  called(user, (name, picture) => {
    initial(name);
    if (picture) load(picture, (image) => show(element, image), () => forget(user));
  });
  return element;
}

/**
 * Say how a person is called where no element can stand: now, and again once their name is known.
 * @param {string | null | undefined} user
 * @param {(name: string, picture: string | null) => void} tell
 */
export function called(user, tell) {
  if (!user) {
    tell(t("feed.somebody"), null);
    return;
  }
  const say = (/** @type {Person | undefined} */ person) => tell(person?.name ?? standIn(user), person?.picture ?? null);
  const known = people.get(user) ?? fromToken(user);
  say(known);
  if (known && known.until > Date.now()) return;
  const others = waiting.get(user);
  if (others) others.push(say);
  else {
    waiting.set(user, [say]);
    // What is known of oneself comes with `introduce`.
    if (user === introduced || !known || known.until) want(user);
  }
}

/** What one's own token says is there at once. */
function fromToken(user) {
  const own = me();
  return own && own.user === user ? { name: own.name, picture: own.picture, until: 0 } : undefined;
}

/** What a person is called who has no name here: always the same for the same person. */
export const standIn = (/** @type {string} */ user) => t("people.guest", { number: String(1000 + (numberOf(user) % 9000)) });

/** Let others see the name and the picture of one's token, once in a tab. */
export async function introduce() {
  const own = me();
  if (!own || own.user === introduced) return;
  introduced = own.user;
  const noted = JSON.stringify([own.user, own.name, own.picture]);
  const found = remembered() === noted ? null : await put("/v1/people/me").catch(() => null);
  if (found) {
    remember(noted);
    answer(own.user, found, KNOWN_MS);
  } else if (waiting.has(own.user)) want(own.user);
}

function want(user) {
  asked.add(user);
  soon();
}

function soon() {
  if (!isScheduled) setTimeout(ask, Math.max(0, askedAt + APART_MS - Date.now()));
  isScheduled = true;
}

async function ask() {
  isScheduled = false;
  askedAt = Date.now();
  const users = [...asked].slice(0, ASKED_MAX);
  for (const user of users) asked.delete(user);
  if (asked.size) soon();
  const query = users.map((user) => path`?id=${user}`.slice(1)).join("&");
  const found = await get(`/v1/people?${query}`).then(({ items }) => items, () => null);
  const byId = new Map((found ?? []).map((each) => [each.user, each]));
  for (const user of users) {
    const { name = null, picture = null } = byId.get(user) ?? people.get(user) ?? fromToken(user) ?? {};
    answer(user, { name, picture }, !found ? FAILED_MS : name || picture ? KNOWN_MS : UNKNOWN_MS);
  }
}

/** Keep how a person is shown, and say so to all who wait for it. */
function answer(user, { name, picture }, ms) {
  const person = { name: name || null, picture: picture || null, until: Date.now() + ms };
  keep(user, person);
  const tell = waiting.get(user) ?? [];
  waiting.delete(user);
  for (const say of tell) say(person);
}

function keep(user, person) {
  people.delete(user);
  people.set(user, person);
  const [oldest] = people.keys();
  if (people.size > KNOWN_MAX) people.delete(oldest);
}

/** A picture that cannot be loaded is not tried again. */
function forget(user) {
  const known = people.get(user);
  if (known) known.picture = null;
}

function load(address, loaded, failed) {
  // The policy first: an image is fetched as soon as it has an address.
  const image = /** @type {HTMLImageElement} */ (el("img", { alt: "", referrerpolicy: "no-referrer", decoding: "async", draggable: "false" }));
  image.addEventListener("load", () => loaded(image), { once: true });
  image.addEventListener("error", failed, { once: true });
  image.src = address;
}

/** The same number for the same id, whatever it is made of (FNV-1a). */
function numberOf(user) {
  let hash = 0x811c9dc5;
  for (const sign of user) hash = Math.imul(hash ^ /** @type {number} */ (sign.codePointAt(0)), 0x01000193) >>> 0;
  return hash;
}

function remembered() {
  try {
    return sessionStorage.getItem(NOTED);
  } catch {
    return null;
  }
}

function remember(noted) {
  try {
    sessionStorage.setItem(NOTED, noted);
  } catch {
    // A page framed by another site keeps nothing: it is noted again with the next page.
  }
}
