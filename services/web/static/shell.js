// What every page has: the bar at the top, who is signed in, short messages, dialogs.
import { Problem } from "./api.js";
import { $, avatar, el, icon, show } from "./dom.js";
import { isFramed } from "./host.js";
import { language, nameOf, parts, t } from "./language.js";
import { avatar as avatarOf, introduce, who } from "./people.js";
import { isOn } from "./places.js";
import { me, metaOf, onChange, people, play, renew, signOut } from "./session.js";

// A page is shown where a role opens it; what names no role is for all.
/** @type {[string, string, string | null][]} */
const PLACES = [["/", "room", null], ["/wallet", "wallet", null], ["/creator", "creator", "creator"], ["/operator", "operator", "operator"]];
const TOAST_SECONDS = 6;
const TOASTS_MAX = 3;
// What the API takes as a reason for a decision.
export const REASON_MIN = 3;
export const REASON_MAX = 64;
// The server writes it into the page, with the name and the logo of this installation.
const BRAND = $("#bar > .brand");

/**
 * Draw the bar, then the page for the signed-in user; again when that user changes.
 * @param {(person: any) => unknown} draw
 * @param {{role?: string, title?: string}} [options]
 */
export async function start(draw, { role, title } = {}) {
  bar();
  // Whoever frames us may have signed in somebody else since.
  if (!me() || isFramed) await renew().catch(() => null);
  const again = async () => {
    bar();
    const person = me();
    if (!person) return signInHere(title);
    introduce();
    if (role && !person.roles.includes(role)) return wrongRole(person, role);
    try {
      await draw(person);
    } catch (error) {
      failed(error);
    }
  };
  onChange(again);
  await again();
}

/** Draw the bar; a page that everybody may read has no need of more. */
export function bar() {
  const here = me();
  const current = location.pathname.startsWith("/rooms/") ? "/" : location.pathname;
  const open = PLACES.filter(([path, , role]) => isOn(path) && (role === null || path === current || here?.roles.includes(role)));
  show($("#bar"),
    BRAND,
    el("nav", { "aria-label": t("bar.pages") }, open.map(([path, name]) =>
      el("a", { href: path, "aria-current": path === current ? "page" : null }, nameOf("page", name)))),
    el("div", { class: "bar-end" }, el("span", { id: "bar-balance" }),
      here && el("button", { class: "person quiet", onclick: changePerson },
        avatarOf(here.user), el("span", { class: "person-name", "aria-hidden": "true" }, who(here.user)), el("span", { class: "unseen" }, parts("bar.signed-in", { name: who(here.user) })))));
}

function signInHere(title = t("bar.welcome")) {
  const chosen = el("div", { class: "people" }, el("p", { class: "muted" }, t("bar.one-moment")));
  show($("main"), el("section", { class: "card narrow" },
    el("h1", {}, title), el("p", { class: "muted" }, t("bar.practice")),
    chosen));
  offerPeople(chosen);
}

async function offerPeople(place) {
  const known = await people();
  if (!known.length) {
    show(place, el("p", { role: "status" }, t("bar.open-from-app")));
    return;
  }
  show(place, known.map((person) => el("button", { class: "choice", onclick: () => play(person).catch(failed) },
    avatar(person.name), el("span", { class: "choice-text" }, el("strong", {}, person.name),
      el("span", { class: "muted" }, [nameOf("role", person.role), person.country].filter(Boolean).join(" · "))))));
}

function changePerson() {
  const place = el("div", { class: "people" });
  const dialog = open(t("bar.who-are-you"), [place, languageChoice()], [
    el("button", { class: "quiet", onclick: () => { dialog.close(); signOut(); location.reload(); } }, t("bar.sign-out")),
  ]);
  onChange(() => dialog.close());
  offerPeople(place);
}

/** The languages of this installation, each by its own name. */
function languageChoice() {
  const languages = (metaOf("ovation-languages") ?? "").split(" ").filter(Boolean);
  if (languages.length < 2) return null;
  const choice = el("select", { name: "language", onchange: () => { location.search = new URLSearchParams({ language: choice.value }).toString(); } },
    languages.map((tag) => el("option", { value: tag, lang: tag, selected: tag === language }, new Intl.DisplayNames([tag], { type: "language" }).of(tag) ?? tag)));
  return el("label", { class: "field" }, t("bar.language"), choice);
}

function wrongRole(person, role) {
  const place = el("div", { class: "people" });
  show($("main"), el("section", { class: "card narrow" }, el("h1", {}, nameOf("page-for", role)),
    el("p", { class: "muted" }, parts("bar.wrong-role", { name: who(person.user) })), place));
  offerPeople(place);
}

/** Instead of the page: what went wrong, and another try. */
export function failed(error) {
  show($("main"), el("section", { class: "card narrow", role: "alert" },
    el("h1", {}, t("failed.title")), el("p", {}, sentence(error)),
    el("button", { class: "primary", onclick: () => location.reload() }, t("step.again"))));
}

/** What happened, in a sentence for people. */
export function sentence(error) {
  if (!(error instanceof Problem)) return error.message;
  if (error.type === "scope-missing") return error.facts.scope ? t("failed.scope", { problem: error.message, scope: error.facts.scope }) : error.message;
  return error.message;
}

/** Say something for a moment; errors are read out at once. */
export function toast(text, kind = "good") {
  const place = $("#toasts");
  // Behind a modal dialog nobody would see it, or hear it read out.
  ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(place);
  const item = el("div", { class: `toast ${kind}`, role: kind === "bad" ? "alert" : "status" }, text);
  place.append(item);
  while (place.children.length > TOASTS_MAX) place.firstChild.remove();
  setTimeout(() => item.remove(), TOAST_SECONDS * 1000);
}

/** Open a dialog; it keeps the focus, closes on Escape and gives the focus back. */
export function open(title, content, actions = [], { wide = false } = {}) {
  const heading = `dialog-${Math.random().toString(36).slice(2)}`;
  const dialog = el("dialog", { class: wide ? "wide" : null, "aria-labelledby": heading },
    el("header", {}, el("h2", { id: heading }, title),
      el("button", { class: "round quiet", "aria-label": t("step.close"), onclick: () => dialog.close() }, icon("close"))),
    el("div", { class: "dialog-body" }, content),
    actions.length ? el("footer", {}, actions) : null);
  dialog.addEventListener("close", () => { document.body.append($("#toasts")); dialog.remove(); });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask whether it is meant; resolves to what was answered. */
export function confirm(title, text, yes, { danger = false } = {}) {
  return new Promise((resolve) => {
    let meant = false;
    const dialog = open(title, [el("p", {}, text)], [
      el("button", { class: "quiet", onclick: () => dialog.close() }, t("step.cancel")),
      el("button", { class: danger ? "danger" : "primary", onclick: () => { meant = true; dialog.close(); } }, yes),
    ]);
    dialog.addEventListener("close", () => resolve(meant));
  });
}

/** Ask for a reason; resolves to it, or to null. */
export function askReason(title, text, yes, { danger = false } = {}) {
  return new Promise((resolve) => {
    let reason = null;
    const field = el("input", { name: "reason", required: true, minlength: REASON_MIN, maxlength: REASON_MAX, autocomplete: "off" });
    const form = el("form", { onsubmit: (event) => { event.preventDefault(); reason = field.value.trim(); if (reason) dialog.close(); } },
      el("p", {}, text), el("label", { class: "field" }, t("failed.reason"), field),
      el("footer", {}, el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, t("step.cancel")),
        el("button", { class: danger ? "danger" : "primary" }, yes)));
    const dialog = open(title, [form]);
    dialog.addEventListener("close", () => resolve(reason));
    field.focus();
  });
}

/**
 * A card whose content comes later: waits, fails and tries again by itself.
 * @param {string} title
 * @param {() => unknown} load
 * @param {{id?: string, className?: string}} [options]
 */
export function card(title, load, { id, className = "" } = {}) {
  const body = el("div", { class: "card-body" });
  const section = el("section", { class: `card ${className}`, id }, el("h2", {}, title), body);
  section.refresh = async () => {
    if (!body.hasChildNodes()) show(body, el("div", { class: "waiting", role: "status" }, el("span", { class: "unseen" }, t("failed.loading"))));
    try {
      show(body, await load());
    } catch (error) {
      show(body, el("div", { class: "fault", role: "alert" }, el("p", {}, sentence(error)),
        el("button", { class: "quiet", onclick: () => section.refresh() }, t("step.again"))));
    }
  };
  section.refresh();
  return section;
}

/** Do something a button asked for: once at a time, with its failure said. */
export async function doing(button, work) {
  if (button.getAttribute("aria-busy") === "true") return undefined;
  button.setAttribute("aria-busy", "true");
  try {
    return await work();
  } catch (error) {
    toast(sentence(error), "bad");
    return undefined;
  } finally {
    button.removeAttribute("aria-busy");
  }
}
