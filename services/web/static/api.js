// One way to call the public API: with the token, and with errors one can act on.
import { t, titleOf } from "./language.js";
import { renew, token } from "./session.js";

const SLOW_SECONDS = 15;
const SLOW_UPLOAD_SECONDS = 180;

/** What a service refused: its stable code as `type`, and the facts beside it. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.title ?? t("problem.unknown"));
    this.status = status;
    this.type = document.code ?? "unknown";
    this.facts = document;
  }
}

/** A name that cannot stand in an address: an empty one, dots alone, or one with a slash. */
export class NoAddress extends Error {
  constructor(name) {
    super(t("problem.no-address", { name }));
  }
}

/** A UUID, version 4. What browsers have for it is not there over plain HTTP. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * An address with names in it: path`/v1/rooms/${room}?limit=${limit}`. Each is one segment or one
 * value, whatever is in it; a name that would become another segment, or none, is refused.
 */
export function path(texts, ...names) {
  return texts.reduce((made, text, index) => made + encoded(String(names[index - 1]), made.includes("?")) + text);
}

/**
 * A user id as one segment: path`/v1/operator/wallets/${person(user)}/freeze`. What proxies take for
 * several segments, or none, is `~` and its UTF-8 in base64url, as `shared/http/person_paths.py` reads it.
 */
export function person(user) {
  if (!/[/\\]|^~|^\s*\.{0,2}\s*$/.test(user)) return user;
  const bytes = new TextEncoder().encode(user);
  const written = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return `~${written.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

function encoded(name, isValue) {
  if (!isValue && (/^\.{0,2}$/.test(name) || name.includes("/"))) throw new NoAddress(name);
  try {
    return encodeURIComponent(name);
  } catch {
    throw new NoAddress(name);
  }
}

/**
 * @param {string} method
 * @param {string} address
 * @param {{body?: object, sent?: Blob, key?: string, asText?: boolean, asFile?: boolean}} [options]
 */
export async function call(method, address, { body, sent, key, asText = false, asFile = false } = {}) {
  let answer = await attempt(method, address, { body, sent, key, asFile }, await token());
  if (answer.status === 401) answer = await attempt(method, address, { body, sent, key, asFile }, await renew());
  if (answer.status === 204) return null;
  if (!answer.ok) throw await refusal(answer);
  if (asFile) return answer.file;
  return asText ? answer.text : answer.document;
}

/** @returns {Promise<Problem>} */
async function refusal({ status, document }) {
  const title = document.title && await titleOf(document.code ?? "", document.title);
  return new Problem(status, { ...document, title: title || undefined });
}

async function attempt(method, address, { body, sent: blob, key, asFile }, bearer) {
  const headers = { Accept: "application/json" };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (key) headers["Idempotency-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (blob) headers["Content-Type"] = blob.type || "application/octet-stream";
  const sent = blob ?? (body === undefined ? undefined : JSON.stringify(body));
  const slow = new AbortController();
  const timer = setTimeout(() => slow.abort(), (blob ? SLOW_UPLOAD_SECONDS : SLOW_SECONDS) * 1000);
  try {
    const answer = await fetch(address, { method, headers, body: sent, signal: slow.signal });
    // Until the last byte: an answer that stops half way is none.
    const file = asFile ? await answer.blob() : null;
    const text = file ? await file.text() : await answer.text();
    return { status: answer.status, ok: answer.ok, file, text, document: documentOf(text) };
  } catch {
    throw new Problem(0, { code: "unreachable", title: t("problem.unreachable") });
  } finally {
    clearTimeout(timer);
  }
}

/** What was answered; what is no JSON comes from something between us and the service. */
function documentOf(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/**
 * @template {string} A
 * @param {A} address
 * @returns {Promise<Answer<A, "get">>}
 */
export const get = (address) => call("GET", address);
export const getText = (address) => call("GET", address, { asText: true });
export const getFile = (address) => call("GET", address, { asFile: true });
/**
 * @template {string} A
 * @param {A} address
 * @param {object} [body]
 * @param {string} [key]
 * @returns {Promise<Answer<A, "post">>}
 */
export const post = (address, body, key) => call("POST", address, { body, key });
/**
 * @template {string} A
 * @param {A} address
 * @param {object} [body]
 * @param {string} [key]
 * @returns {Promise<Answer<A, "put">>}
 */
export const put = (address, body, key) => call("PUT", address, { body, key });
/** Send a file as it is. */
export const upload = (address, file) => call("POST", address, { sent: file });
export const remove = (address) => call("DELETE", address);

/**
 * Read something that may not be there: `instead` stands for a 404.
 * @template {string} A
 * @param {A} address
 * @returns {Promise<Answer<A, "get"> | any>}
 */
export async function find(address, instead = null) {
  try {
    return await get(address);
  } catch (error) {
    if (error.status === 404) return instead;
    throw error;
  }
}

/**
 * POST something that moves value, again and again under one key until there is an answer.
 * @template {string} A
 * @param {A} address
 * @param {object} body
 * @param {string} key
 * @returns {Promise<Answer<A, "post">>}
 */
export async function postSurely(address, body, key, tries = 4) {
  for (let number = 1; ; number += 1) {
    try {
      return await post(address, body, key);
    } catch (error) {
      const unknown = error.status === 0 || error.status >= 500;
      if (!unknown || number === tries) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** number));
    }
  }
}

/** Walk the pages of a list, at most `pages` of them. */
export async function all(address, pages = 4) {
  const items = [];
  let cursor = null;
  for (let page = 0; page < pages; page += 1) {
    const joint = address.includes("?") ? "&" : "?";
    const found = await get(`${address}${joint}limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    items.push(...found.items);
    cursor = found.next_cursor;
    if (!cursor) break;
  }
  return items;
}
