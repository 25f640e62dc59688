// One person's connection to an installation: token, attempts, keys and refusals.
import createClient, { type FetchResponse, type MaybeOptionalInit } from "openapi-fetch";
import type { HttpMethod, PathsWithMethod, RequiredKeysOf } from "openapi-typescript-helpers";
import type { paths } from "./made/api.js";
import { DECIDED_LATER, KEYED } from "./made/operations.js";
import { problemOf } from "./problems.js";
import { Attempts, isRepeatable, mayChange, type Retries, retryAfterMs, USUAL } from "./retries.js";

const KEY = "Idempotency-Key";

export interface Options {
  /** Where the installation is, such as `https://coins.example`. */
  baseUrl: string;
  /** Returns an access token; called at first, and when its last one is not accepted any more. */
  token: () => Promise<string>;
  retries?: Partial<Retries>;
  /** Another fetch than the global one. */
  fetch?: typeof fetch;
}

type Operation<P, M extends PropertyKey> = P extends { [method in M]: infer O extends Record<string | number, unknown> } ? O : never;
type Data<R> = R extends { data: infer D; error?: never } ? D : never;
type InitParam<I> = RequiredKeysOf<I> extends never ? [I?] : [I];
/** Calls an operation by its path, and returns its answer. Throws ProblemError for a refusal. */
export type Call<M extends HttpMethod> = <P extends PathsWithMethod<paths, M>, I extends MaybeOptionalInit<paths[P], M & keyof paths[P]>>(
  path: P, ...init: InitParam<I>
) => Promise<Data<FetchResponse<Operation<paths[P], M>, I, `${string}/${string}`>>>;

interface Init {
  headers?: HeadersInit;
  params?: { header?: Record<string, unknown> };
  signal?: AbortSignal;
}
type Sent = { data?: unknown; error?: unknown; response: Response };
type Send = (method: HttpMethod, path: string, init: Init) => Promise<Sent>;

/**
 * Calls an installation as one person.
 *
 * A call that needs an idempotency key gets one, and keeps it over all of its attempts. If a call
 * has to survive your program, make its key yourself, store it, and pass it as a header.
 */
export class Ovation {
  readonly baseUrl: string;
  readonly retries: Retries;
  readonly fetch: typeof fetch;
  readonly get = this.#method("get");
  readonly post = this.#method("post");
  readonly put = this.#method("put");
  readonly patch = this.#method("patch");
  readonly delete = this.#method("delete");
  readonly #send: Send;
  readonly #source: () => Promise<string>;
  #token: string | null = null;
  #renewal: Promise<string> | null = null;

  constructor({ baseUrl, token, retries, fetch: other }: Options) {
    this.baseUrl = baseUrl.replace(/\/+$/, "");
    this.retries = { ...USUAL, ...retries };
    this.fetch = other ?? ((...request) => fetch(...request));
    this.#source = token;
    this.#send = createClient<paths>({ baseUrl: this.baseUrl, fetch: (request) => this.fetch(request) }).request as unknown as Send;
  }

  /** The present token; a new one, if the present one was refused. */
  async token(refused?: string): Promise<string> {
    if (this.#token !== null && this.#token !== refused) return this.#token;
    // All calls that were refused wait for one new token.
    this.#renewal ??= this.#source().finally(() => { this.#renewal = null; });
    this.#token = await this.#renewal;
    return this.#token;
  }

  #method<M extends HttpMethod>(method: M): Call<M> {
    return ((path: string, init?: Init) => this.#call(method, path, init ?? {})) as unknown as Call<M>;
  }

  async #call(method: HttpMethod, path: string, init: Init): Promise<unknown> {
    const operation = `${method} ${path}`;
    const headers = new Headers(init.headers);
    const given = init.params?.header ?? {};
    const needsKey = KEYED.has(operation) && !(KEY in given) && !headers.has(KEY);
    if (needsKey) headers.set(KEY, newKey());
    const repeatable = isRepeatable(method, KEY in given || headers.has(KEY));
    const prefers = String(given.prefer ?? headers.get("prefer"));
    const waits = DECIDED_LATER.has(operation) && !prefers.includes("respond-async");
    const attempts = new Attempts(this.retries, init.signal);
    for (;;) {
      let sent: Sent;
      try {
        sent = await this.#signed(method, path, { ...init, headers });
      } catch (error) {
        if (!init.signal?.aborted && repeatable && isLost(error) && (await attempts.mayGoOn())) continue;
        throw error;
      }
      const { response } = sent;
      const isOpen = response.ok ? waits && response.status === 202 : mayChange(response, repeatable);
      if (isOpen && (await attempts.mayGoOn(retryAfterMs(response.headers) ?? 0))) continue;
      if (!response.ok) throw problemOf(response.status, sent.error);
      return sent.data;
    }
  }

  /** Send a request once, and once more with a new token if its token is not accepted. */
  async #signed(method: HttpMethod, path: string, init: Init & { headers: Headers }): Promise<Sent> {
    const token = await this.token();
    const sent = await this.#once(method, path, init, token);
    if (sent.response.status !== 401) return sent;
    const renewed = await this.token(token);
    return renewed === token ? sent : this.#once(method, path, init, renewed);
  }

  #once(method: HttpMethod, path: string, init: Init & { headers: Headers }, token: string): Promise<Sent> {
    init.headers.set("Authorization", `Bearer ${token}`);
    const limit = AbortSignal.timeout(this.retries.timeoutMs);
    const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
    return this.#send(method, path, { ...init, signal });
  }
}

/** A key that no other request has; also where pages are served by plain HTTP. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether a request got no answer: fetch says a lost connection as a TypeError. */
export const isLost = (error: unknown): boolean =>
  error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError");
