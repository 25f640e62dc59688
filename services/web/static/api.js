// One way to call the public API: with the token, and with errors one can act on.
import { renew, token } from "./session.js";

const SLOW_SECONDS = 15;

/** What a service refused, with its stable `type` and the facts beside it. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.title ?? "Something went wrong.");
    this.status = status;
    this.type = document.type ?? "unknown";
    this.facts = document;
  }
}

export const newKey = () => crypto.randomUUID();

export async function call(method, path, { body, key, signal } = {}) {
  let answer = await attempt(method, path, { body, key, signal }, await token());
  if (answer.status === 401) answer = await attempt(method, path, { body, key, signal }, await renew());
  if (answer.status === 204) return null;
  const document = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, document);
  return document;
}

async function attempt(method, path, { body, key, signal }, bearer) {
  const headers = { Accept: "application/json" };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (key) headers["Idempotency-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(path, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ?? AbortSignal.timeout(SLOW_SECONDS * 1000),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { type: "unreachable", title: "No answer. Are you online?" });
  }
}

export const get = (path) => call("GET", path);
export const post = (path, body, key) => call("POST", path, { body, key });
export const put = (path, body, key) => call("PUT", path, { body, key });
export const remove = (path) => call("DELETE", path);

/** Read something that may not be there: `instead` stands for a 404. */
export async function find(path, instead = null) {
  try {
    return await get(path);
  } catch (error) {
    if (error.status === 404) return instead;
    throw error;
  }
}

/** POST something that moves value, again and again under one key until there is an answer. */
export async function postSurely(path, body, key, tries = 4) {
  for (let number = 1; ; number += 1) {
    try {
      return await post(path, body, key);
    } catch (error) {
      const unknown = error.status === 0 || error.status >= 500;
      if (!unknown || number === tries) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** number));
    }
  }
}

/** Walk the pages of a list, at most `pages` of them. */
export async function all(path, pages = 4) {
  const items = [];
  let cursor = null;
  for (let page = 0; page < pages; page += 1) {
    const joint = path.includes("?") ? "&" : "?";
    const found = await get(`${path}${joint}limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    items.push(...found.items);
    cursor = found.next_cursor;
    if (!cursor) break;
  }
  return items;
}
