// Where to read on: the runbooks of this installation, if it says where they are.
import { el } from "../dom.js";

const BASE = document.querySelector("meta[name=ovation-runbooks]")?.getAttribute("content") ?? "";

/** A link to a runbook by its name; without an address of them, its place in the project. */
export const runbook = (name) => (BASE ? el("a", { href: `${BASE.replace(/\/$/, "")}/${name}` }, `Runbook: ${name.replaceAll("-", " ")}`) :
  el("span", { class: "small muted" }, "Runbook ", el("code", {}, `docs/operations/runbooks/${name}.md`)));
export const command = (text) => el("code", { class: "command" }, text);
