// A room's feed, which resumes after every interruption.
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { isLost, type Ovation } from "./client.js";
import { problemOf } from "./problems.js";
import { pause, pauseMs, retryAfterMs } from "./retries.js";

// The server writes every few seconds, if only to show that the line holds.
const SILENCE_MS_MAX = 40_000;
const CONNECT_MS_MAX = 15_000;
const TOKEN_EXPIRED = "token_expired";

/**
 * What happened in a room: a `gift`, a `combo`, a `level` and so on.
 *
 * `reset` says that entries were missed because they are too old: read again what you show.
 * `id` is where to go on: pass it as `after`.
 */
export interface Entry {
  kind: string;
  id: string;
  data: Record<string, unknown>;
}

export interface FollowOptions {
  /** Begin after the entry with this id. */
  after?: string;
  /** Begin with the last few entries. */
  last?: number;
  /** The kinds that are wanted, such as `gift,combo`. */
  only?: string;
  /** Leave out smaller gifts and combos. */
  minCoins?: number;
  shape?: "ovation" | "tiktok";
  /** Ends the feed. */
  signal?: AbortSignal;
}

/**
 * Yield the entries of a room as they come, each once, for as long as they are read.
 *
 * It begins now, with the `last` few entries, or `after` the id of an entry. It goes on where it
 * was after a lost connection, a restart, an overload, and a token that ended. Throws
 * ProblemError if this person may not follow the room, or no token is accepted.
 */
export async function* follow(ovation: Ovation, room: string, options: FollowOptions = {}): AsyncGenerator<Entry, void> {
  const { signal } = options;
  let { after } = options;
  if (after === undefined && !options.last) {
    // Where the feed is now: a line that breaks before the first entry misses nothing.
    after = (await ovation.get("/v1/rooms/{room}", { params: { path: { room } }, ...(signal ? { signal } : {}) })).last_event_id;
  }
  const feed = new Feed(ovation, room, options, after);
  for (;;) {
    yield* feed.connection();
    await pause(feed.pauseMs(), signal);
  }
}

/** Where a feed is, and what happened to its last connection. */
class Feed {
  readonly #ovation: Ovation;
  readonly #url: string;
  readonly #signal: AbortSignal | undefined;
  #after: string | undefined;
  #failures = 0;
  #retryAfterMs: number | null = null;
  #refused: string | undefined;

  constructor(ovation: Ovation, room: string, options: FollowOptions, after: string | undefined) {
    this.#ovation = ovation;
    this.#url = addressOf(ovation.baseUrl, room, options);
    this.#signal = options.signal;
    this.#after = after;
  }

  /** How long to wait before the next connection. */
  pauseMs(): number {
    if (this.#refused !== undefined) return 0;
    return pauseMs(this.#ovation.retries, Math.max(this.#failures, 1), this.#retryAfterMs ?? 0);
  }

  /** Yield entries until the connection ends, however it ends. */
  async *connection(): AsyncGenerator<Entry, void> {
    this.#failures += 1;
    const token = await this.#ovation.token(this.#refused);
    const line = new Line(this.#signal);
    try {
      line.renew(CONNECT_MS_MAX);
      const headers = new Headers({ Accept: "text/event-stream", Authorization: `Bearer ${token}` });
      if (this.#after !== undefined) headers.set("Last-Event-ID", this.#after);
      const response = await this.#ovation.fetch(this.#url, { headers, cache: "no-store", signal: line.signal });
      if (!(await this.#isOpen(response, token)) || response.body === null) return;
      for await (const event of line.events(response.body)) {
        if (event.event === TOKEN_EXPIRED) {
          this.#refused = token;
          return;
        }
        this.#after = event.id ?? this.#after;
        yield { kind: event.event ?? "message", id: event.id ?? "", data: JSON.parse(event.data) };
      }
    } catch (error) {
      this.#signal?.throwIfAborted();
      // It goes on with the next connection.
      if (!isLost(error) && !line.signal.aborted) throw error;
    } finally {
      line.end();
    }
  }

  /** Whether this is the feed. Throws ProblemError for an answer that will not change. */
  async #isOpen(response: Response, token: string): Promise<boolean> {
    const { ok, status, headers } = response;
    this.#retryAfterMs = retryAfterMs(headers);
    if (ok) {
      this.#refused = undefined;
      // The gateway says 429 and 503 as a stream that only tells when to come again.
      const isFeed = this.#retryAfterMs === null;
      if (isFeed) this.#failures = 0;
      return isFeed;
    }
    const document: unknown = await response.json().catch(() => null);
    if (status === 401 && this.#refused === undefined) {
      this.#refused = token;
      return false;
    }
    if (status === 408 || status === 429 || status >= 500) return false;
    throw problemOf(status, document);
  }
}

/** A connection that ends if it brings nothing for too long. */
class Line {
  readonly #own = new AbortController();
  readonly signal: AbortSignal;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(other: AbortSignal | undefined) {
    this.signal = other ? AbortSignal.any([other, this.#own.signal]) : this.#own.signal;
  }

  renew(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#own.abort(), milliseconds);
  }

  /** End the connection: what is not read to its end would keep it. */
  end(): void {
    clearTimeout(this.#timer);
    this.#own.abort();
  }

  async *events(body: ReadableStream<Uint8Array>): AsyncGenerator<EventSourceMessage, void> {
    const arrived: EventSourceMessage[] = [];
    const parser = createParser({ onEvent: (event) => { arrived.push(event); } });
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      this.renew(SILENCE_MS_MAX);
      const { value, done } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* arrived.splice(0);
    }
  }
}

function addressOf(baseUrl: string, room: string, { last, only, minCoins, shape }: FollowOptions): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ last, only, min_coins: minCoins, shape })) {
    if (value !== undefined) query.set(name, String(value));
  }
  return `${baseUrl}/v1/rooms/${encodeURIComponent(room)}/events?${query}`;
}
