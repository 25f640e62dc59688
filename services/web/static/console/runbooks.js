// Where to read on: the runbooks of this installation, if it says where they are.
import { el } from "../dom.js";
import { nameOf, parts } from "../language.js";

const BASE = document.querySelector("meta[name=ovation-runbooks]")?.getAttribute("content") ?? "";

/** A link to a runbook by its name; without an address of them, its place in the project. */
export const runbook = (name) => (BASE ? el("a", { href: `${BASE.replace(/\/$/, "")}/${name}` }, nameOf("console-runbook", name)) :
  el("span", { class: "small muted" }, parts("console.runbook-file", { file: el("code", {}, `docs/operations/runbooks/${name}.md`) })));
export const command = (text) => el("code", { class: "command" }, text);
