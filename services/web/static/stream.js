// Server-sent events over fetch: unlike EventSource it can send the token in a header.
import { renew, token } from "./session.js";

const SILENCE_SECONDS_MAX = 40;
const WAIT_MS = [500, 1000, 2000, 4000, 8000];

/** Follow a room; `heard(kind, entry)` for each entry, `standing(word)` when the line changes. */
export function follow(room, { last = 0, heard, standing }) {
  const stopping = new AbortController();
  let seen = null;
  let failures = 0;

  async function run() {
    while (!stopping.signal.aborted) {
      try {
        await once();
      } catch {
        // Whatever ended the line: it is opened again, where it was.
      }
      if (stopping.signal.aborted) return;
      standing("gone");
      failures += 1;
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS[Math.min(failures, WAIT_MS.length) - 1] * (0.5 + Math.random())));
    }
  }

  async function once() {
    const silent = new AbortController();
    const query = seen === null && last ? `?last=${last}` : "";
    const headers = { Accept: "text/event-stream", Authorization: `Bearer ${await token()}` };
    if (seen !== null) headers["Last-Event-ID"] = seen;
    const answer = await fetch(`/v1/rooms/${encodeURIComponent(room)}/events${query}`, {
      headers, cache: "no-store", signal: AbortSignal.any([stopping.signal, silent.signal]),
    });
    if (answer.status === 401) await renew();
    if (!answer.ok) throw new Error(`${answer.status}`);
    failures = 0;
    standing("open");
    let timer = null;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENCE_SECONDS_MAX * 1000);
    };
    try {
      alive();
      await read(answer.body, alive, (event) => {
        if (event.id !== null) seen = event.id;
        if (event.text) heard(event.kind, JSON.parse(event.text));
      });
    } finally {
      clearTimeout(timer);
    }
  }

  run();
  return () => stopping.abort();
}

async function read(body, alive, tell) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    alive();
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) tell(parse(block));
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
