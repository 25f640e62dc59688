// What the API answers, by address, from the OpenAPI document (made/api.d.ts): for checks alone.
import type { components, paths } from "./made/api";

type Done<R> = R extends { 200: infer A } ? A
  : R extends { 201: infer A } ? A
  : R extends { 202: infer A } ? A
  : never;
type Json<R> = Done<R> extends { content: { "application/json": infer T } } ? T : any;
type Bare<A extends string> = A extends `${infer B}?${string}` ? B : A;
/** `/v1/wallets/me/limits` is `/v1/wallets/{user}/limits`: "me" stands for one name. */
type Own<A extends string> = A extends `${infer H}/me${infer T}` ? {
  [P in keyof paths]: P extends `${H}/{${infer N}}${T}` ? N extends `${string}/${string}` ? never : P : never
}[keyof paths] : never;
type Place<A extends string> = A extends keyof paths ? A : Own<A>;
type Said<P, M extends string> = [P] extends [never] ? any
  : P extends keyof paths
    ? paths[P] extends { [method in M]: { responses: infer R } } ? Json<R> : any
    : any;

declare global {
  /** The answer to an address that is written out; one with names in it answers anything. */
  type Answer<A extends string, M extends "get" | "post" | "put"> = Said<Place<Bare<A>>, M>;
  /** A body or an answer by its name in the OpenAPI document. */
  type Schema<N extends keyof components["schemas"]> = components["schemas"][N];
}
