/** Ovation's API for browsers and Node: see `Ovation`, `follow`, `each`; `verify` is in `./webhooks`. */
export { type Call, Ovation, type Options } from "./client.js";
export { type Entry, follow, type FollowOptions } from "./feed.js";
export type { components, operations, paths } from "./made/api.js";
export { each, type Page } from "./pages.js";
export { isProblem, type Problem, type ProblemCode, ProblemError } from "./problems.js";
export type { Retries } from "./retries.js";
