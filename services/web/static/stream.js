// Server-sent events over fetch: unlike EventSource it can send the token in a header.
//
// A page that nobody sees lets go of its feed, and seen again goes on where it was.
import { renew, token } from "./session.js";
import { place } from "./turns.js";

// Until the headers come, and between two signs of life.
const ANSWER_SECONDS_MAX = 15;
const SILENCE_SECONDS_MAX = 40;
const TURN_MS = 2500;
const WAIT_MS = [500, 1000, 2000, 4000, 8000];
// About the feed itself, not about the room.
const OWN = ["reset", "token_expired"];

/** The line to the server failed: nobody's mistake, and mended by another try. */
class LineBroken extends Error {}

/**
 * Follow a room; `onEntry(kind, entry, missed)` for each entry, `onState(word)` when the line changes.
 * `missed` is what came while the page was not seen.
 */
export function follow(room, { last = 0, onEntry, onState }) {
  let stopped = false;
  let seen = null;
  let failures = 0;
  let line = null;
  let wake = () => {};
  let back = 0;

  function look() {
    if (document.hidden) line?.abort();
    else back = Date.now();
    wake();
  }

  /** Wait until it is time, or something else changes. */
  const pause = (milliseconds) => new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
    const timer = milliseconds === null ? undefined : setTimeout(resolve, milliseconds);
    wake = () => { clearTimeout(timer); resolve(); };
  });

  async function run() {
    while (!stopped) {
      if (document.hidden) await pause(null);
      else if (!(await turn()) && !stopped && !document.hidden) {
        onState("gone");
        failures += 1;
        await pause(WAIT_MS[Math.min(failures, WAIT_MS.length) - 1] * (0.5 + Math.random()));
      }
    }
  }

  /** Hold the line for as long as it lasts; return whether it was let go because others wait. */
  async function turn() {
    const mine = new AbortController();
    const { signal } = mine;
    line = mine;
    let held = null;
    let giving;
    let given = false;
    try {
      held = await place(signal);
      giving = setInterval(async () => {
        if (given || !(await held.isWanted())) return;
        given = true;
        mine.abort();
      }, TURN_MS);
      await once(mine);
    } catch (error) {
      if (!(error instanceof LineBroken) && !signal.aborted) report(error);
    } finally {
      clearInterval(giving);
      // What was not read to its end would keep its connection.
      mine.abort();
      held?.leave();
    }
    return given;
  }

  async function once(mine) {
    const limit = patience(mine);
    try {
      limit.renew(ANSWER_SECONDS_MAX);
      const answer = await open(mine.signal);
      failures = 0;
      onState("open");
      limit.renew(SILENCE_SECONDS_MAX);
      await read(answer.body, () => limit.renew(SILENCE_SECONDS_MAX), handle);
    } finally {
      limit.end();
    }
  }

  async function open(signal) {
    const query = seen === null && last ? `?last=${last}` : "";
    const held = await lineOf(token());
    const headers = { Accept: "text/event-stream", Authorization: `Bearer ${held}` };
    if (seen !== null) headers["Last-Event-ID"] = seen;
    const address = `/v1/rooms/${encodeURIComponent(room)}/events${query}`;
    const answer = await lineOf(fetch(address, { headers, cache: "no-store", signal }));
    if (answer.status === 401) await lineOf(renew());
    // A stream that only says when to come again is not the feed.
    if (!answer.ok || answer.headers.has("Retry-After")) throw new LineBroken(`${answer.status}`);
    return answer;
  }

  function handle(event) {
    if (event.id !== null) seen = event.id;
    if (!event.text || OWN.includes(event.kind)) return;
    try {
      const entry = JSON.parse(event.text);
      onEntry(event.kind, entry, new Date(entry.sent_at ?? entry.at ?? Infinity).getTime() < back - 1000);
    } catch (error) {
      // One entry that cannot be shown is no reason to show no others.
      report(error);
    }
  }

  document.addEventListener("visibilitychange", look);
  run();
  return () => {
    stopped = true;
    document.removeEventListener("visibilitychange", look);
    line?.abort();
    wake();
  };
}

/** End a line that brought nothing for too long. */
function patience(line) {
  let timer = null;
  const end = () => clearTimeout(timer);
  return { end, renew: (seconds) => { end(); timer = setTimeout(() => line.abort(), seconds * 1000); } };
}

/** What a promise comes to; if it fails, the line did. */
async function lineOf(promise) {
  try {
    return await promise;
  } catch (error) {
    throw new LineBroken(String(error));
  }
}

/** A mistake of ours: seen wherever such are seen, and in nobody's way. */
const report = (error) => setTimeout(() => { throw error; });

async function read(body, alive, handle) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { value, done } = await lineOf(reader.read());
    if (done) return;
    alive();
    const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) handle(parse(block));
  }
}

export function parse(block) {
  const event = { kind: "message", id: null, text: "" };
  for (const line of block.split("\n")) {
    if (line.startsWith("data:")) event.text += (event.text ? "\n" : "") + line.slice(5).trimStart();
    else if (line.startsWith("event:")) event.kind = line.slice(6).trim();
    else if (line.startsWith("id:")) event.id = line.slice(3).trim();
  }
  return event;
}
