// When a call is tried again, and after which pause.

/**
 * How long a call is tried again, and how long pauses are, in milliseconds.
 *
 * After the deadline no attempt begins. Pauses are random, and longer after each attempt;
 * `Retry-After` is the least.
 */
export interface Retries {
  deadlineMs: number;
  firstPauseMs: number;
  pauseMsMax: number;
  /** How long one attempt may take. */
  timeoutMs: number;
}

// The server waits up to two seconds for the outcome of a gift before it answers.
export const USUAL: Retries = { deadlineMs: 30_000, firstPauseMs: 250, pauseMsMax: 8_000, timeoutMs: 10_000 };
// Repeated, they do no more than once.
const IDEMPOTENT: ReadonlySet<string> = new Set(["get", "put", "delete"]);
// Nothing was done, and the answer says when to come again.
const COME_AGAIN: ReadonlySet<number> = new Set([409, 429, 503]);
// A proxy got no answer: the request may have been carried out.
const NO_ANSWER: ReadonlySet<number> = new Set([502, 503, 504]);
const DOUBLINGS_MAX = 16;

/** How long to wait after an attempt; the first attempt is 1. */
export function pauseMs(retries: Retries, attempt: number, retryAfterMs = 0): number {
  const doublings = Math.min(attempt - 1, DOUBLINGS_MAX);
  const longest = Math.min(retries.firstPauseMs * 2 ** doublings, retries.pauseMsMax);
  return retryAfterMs + longest * (0.5 + Math.random() / 2);
}

/** The attempts of one call, until its deadline. */
export class Attempts {
  readonly #retries: Retries;
  readonly #signal: AbortSignal | undefined;
  readonly #endsAt: number;
  #made = 0;

  constructor(retries: Retries, signal: AbortSignal | undefined) {
    this.#retries = retries;
    this.#signal = signal;
    this.#endsAt = Date.now() + retries.deadlineMs;
  }

  /** Wait and return true; return false at once if the next attempt would be too late. */
  async mayGoOn(retryAfterMs = 0): Promise<boolean> {
    this.#made += 1;
    const wait = pauseMs(this.#retries, this.#made, retryAfterMs);
    if (Date.now() + wait > this.#endsAt) return false;
    await pause(wait, this.#signal);
    return true;
  }
}

/** Wait; end with the signal's reason if it is aborted. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const end = () => { clearTimeout(timer); reject(signal?.reason); };
    const timer = setTimeout(() => { signal?.removeEventListener("abort", end); resolve(); }, milliseconds);
    signal?.addEventListener("abort", end, { once: true });
  });
}

/** After how long the server wants to be asked again; null if it does not say so. */
export function retryAfterMs(headers: Headers): number | null {
  const said = headers.get("Retry-After");
  const seconds = said === null ? Number.NaN : Number(said);
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : null;
}

/** Whether a request does no more than once, however often it is sent. */
export const isRepeatable = (method: string, hasKey: boolean) => hasKey || IDEMPOTENT.has(method);

/**
 * Whether the same request, repeated, may have another answer than this refusal.
 *
 * What is not repeatable (a POST without a key) is repeated only if nothing was done.
 */
export function mayChange({ status, headers }: Response, repeatable: boolean): boolean {
  if (COME_AGAIN.has(status) && headers.has("Retry-After")) return repeatable || !NO_ANSWER.has(status);
  return repeatable && NO_ANSWER.has(status);
}
