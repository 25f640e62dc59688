// Who is here. The token lives in this tab alone (sessionStorage) and never in an address.
//
// A host application signs people in with one line on a page of the same origin:
//   <script type="module">import { signIn } from "/static/session.js"; signIn(token);</script>
// or, framing a page from another origin that WEB_HOST_ORIGINS names, by answering the message
// "ovation:token-wanted" with { type: "ovation:token", token }, and by sending another one, or null,
// when its user changes.
import { isFramed, onToken, requestToken } from "./host.js";
import { t } from "./language.js";

const TOKEN = "ovation.token";
const PERSON = "ovation.person";
const EARLY_SECONDS = 30;
const changes = new EventTarget();
const kept = storage();
// Where the tokens of each issuer have their claims: the server renders this into the page, so both
// read the same. A page of a host that signs users in itself has none, and looks at no roles.
const READINGS = JSON.parse(metaOf("ovation-claims") ?? "[]");
const NOWHERE = { prefix: "", names: { roles: [], scopes: [], country: [], name: ["name"], picture: ["picture"] } };

/** What the server says to the page in its head. */
export function metaOf(name) {
  return document.querySelector(`meta[name=${name}]`)?.getAttribute("content");
}

/** A browser may keep nothing for a page framed by another site: then it lasts as long as the page. */
function storage() {
  try {
    return window.sessionStorage;
  } catch {
    const values = new Map();
    return { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => values.set(key, value), removeItem: (key) => values.delete(key) };
  }
}

export function signIn(token, person = null) {
  if (typeof token !== "string" || !claimsOf(token)) throw new TypeError("This is no token.");
  const before = me();
  kept.setItem(TOKEN, token);
  if (person) kept.setItem(PERSON, JSON.stringify(person));
  else kept.removeItem(PERSON);
  // A token that was only renewed changes nothing on the page.
  if (JSON.stringify(before) !== JSON.stringify(me())) changes.dispatchEvent(new Event("change"));
}

export function signOut() {
  kept.removeItem(TOKEN);
  kept.removeItem(PERSON);
  changes.dispatchEvent(new Event("change"));
}

/** What the application around us says: a token, or null for nobody. */
const adopt = (token) => (token === null ? signOut() : signIn(token));
onToken(adopt);

export const onChange = (listener) => changes.addEventListener("change", listener);

/** What the token says; whether it is true is the services' business. */
export function me() {
  const claims = claimsOf(kept.getItem(TOKEN));
  if (!claims) return null;
  const person = JSON.parse(kept.getItem(PERSON) ?? "null");
  const { prefix, names } = READINGS.find(({ issuer }) => issuer === claims.iss) ?? READINGS[0] ?? NOWHERE;
  const country = at(claims, names.country);
  return {
    user: `${prefix}${claims.sub}`,
    name: person?.name ?? textAt(claims, names.name),
    picture: textAt(claims, names.picture),
    roles: texts(at(claims, names.roles)),
    scopes: [...new Set(names.scopes.flatMap((path) => texts(at(claims, path))))],
    country: typeof country === "string" ? country.toUpperCase() : null,
  };
}

/** What is at the end of a path of names; undefined where any part of it is missing. */
function at(claims, path) {
  return path.reduce((value, name) => (value !== null && typeof value === "object" && Object.hasOwn(value, name) ? value[name] : undefined), claims);
}

/** A claim that is a text; null for any other. */
function textAt(claims, path) {
  const found = at(claims, path);
  return typeof found === "string" && found ? found : null;
}

/** A claim that is a list of words, or words between spaces: as the services read it. */
function texts(value) {
  if (typeof value === "string") return value.split(/\s+/).filter(Boolean);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** The token to call with, renewed when it is about to end. */
export async function token() {
  const held = kept.getItem(TOKEN);
  const claims = claimsOf(held);
  if (claims && claims.exp > Date.now() / 1000 + EARLY_SECONDS) return held;
  return renew();
}

let renewing = null;
export function renew() {
  renewing ??= fresh().finally(() => { renewing = null; });
  return renewing;
}

async function fresh() {
  const person = JSON.parse(kept.getItem(PERSON) ?? "null");
  if (person) await play(person);
  else if (isFramed) adopt(await requestToken());
  else kept.removeItem(TOKEN);
  return kept.getItem(TOKEN);
}

/** The people to play with, or none where no development issuer answers. */
export async function people() {
  const keys = await fetch("/issuer/.well-known/jwks.json").catch(() => null);
  if (!keys?.ok) return [];
  const listed = await fetch("/people.json").then((answer) => answer.json()).catch(() => ({}));
  return ["viewers", "creators", "operators"].flatMap((kind) =>
    (listed[kind] ?? []).map((person) => ({ ...person, role: kind.slice(0, -1) })));
}

export async function play(person) {
  const answer = await fetch("/issuer/token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      sub: person.id, name: person.name, roles: [person.role], scopes: person.scopes ?? [],
      country: person.country, age_verified: person.age_verified,
    }),
  });
  if (!answer.ok) throw new Error(t("session.no-issuer"));
  signIn((await answer.json()).access_token, person);
}

function claimsOf(token) {
  try {
    const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0))));
    return typeof claims?.sub === "string" && claims.sub ? claims : null;
  } catch {
    return null;
  }
}
