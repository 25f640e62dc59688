// Why a request was refused.
import type { ProblemFacts } from "./made/problems.js";

/** A code that this version of the client knows; a newer server may have more. */
export type ProblemCode = keyof ProblemFacts;

interface Members {
  /** A sentence for people; compare `code`. */
  title: string;
  status: number;
  /** What operators find the request by. */
  request_id?: string;
}

/** What a refusal says (RFC 9457): its `code` tells which facts it has. */
export type Problem = { [C in ProblemCode]: { code: C } & Members & ProblemFacts[C] }[ProblemCode];

/** Ovation refused a request. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.code}: ${problem.title}`);
    this.problem = problem;
  }
}

/** Whether an error is a refusal with this code; then its facts have their types. */
export function isProblem<C extends ProblemCode>(
  error: unknown, code: C,
): error is ProblemError & { readonly problem: Extract<Problem, { code: C }> } {
  return error instanceof ProblemError && error.problem.code === code;
}

/** Read an answer that refuses; one that is no problem document has the code `http-<status>`. */
export function problemOf(status: number, document: unknown): ProblemError {
  if (!isDocument(document)) {
    const title = "The answer is not a problem document.";
    return new ProblemError({ code: `http-${status}`, title, status } as unknown as Problem);
  }
  const { type, ...facts } = document;
  // An address ends with the code.
  const code = document.code ?? type.replace(/\/$/, "").split("/").at(-1);
  return new ProblemError({ title: String(code), ...facts, code, status } as Problem);
}

function isDocument(document: unknown): document is { type: string; code?: string } {
  return typeof document === "object" && document !== null && "type" in document && typeof document.type === "string";
}
