// The player: who is live and with what, as the room's own state has it. The connection is told apart.
import { avatar, el, show, who } from "./dom.js";
import { t } from "./language.js";
import { named } from "./words.js";

const pictureOf = (name) => new URL(`./scene/${name}.svg`, import.meta.url).href;
const LINES = { open: "", gone: t("room.reconnecting"), opening: t("room.connecting") };

/** Whether gifts can be given in a room: somebody has to be there to receive them. */
export const isOnAir = (view) => Boolean(view.live && view.creator);

/** What to say of a room where nobody can be given anything; `ended` if one saw it end. */
export function absence(view, ended) {
  if (!view.creator) return { title: t("room.no-creator"), text: t("room.no-creator-text") };
  if (ended) return { title: t("room.over"), text: t("room.over-text", { creator: named(view.creator) }) };
  return { title: t("room.not-live", { creator: named(view.creator) }), text: t("room.not-live-text") };
}

export function build() {
  const tray = el("ol", { class: "tray", "aria-hidden": "true" });
  const effects = el("div", { class: "effects", "aria-hidden": "true" });
  const badge = el("span", { class: "live-dot" });
  const line = el("span", { class: "stage-line", role: "status" }, LINES.opening);
  const chip = el("div", { class: "host-chip" });
  const host = el("img", { class: "stage-host", src: pictureOf("host"), alt: "", width: 260, height: 280 });
  const lights = [el("i", { class: "beam one" }), el("i", { class: "beam two" }), el("i", { class: "bars" }, Array.from({ length: 7 }, () => el("b")))];
  const nobody = el("p", { class: "stage-empty" });
  // Where the host application's player goes; until it fills it, a drawn stage is there.
  const slot = el("div", { class: "stage-slot" },
    el("img", { class: "stage-back", src: pictureOf("studio"), alt: "", width: 640, height: 360 }), lights, host);
  const element = el("section", { class: "stage" }, slot, nobody, effects,
    el("div", { class: "stage-top" }, chip, el("div", { class: "stage-state" }, badge, line)),
    el("div", { class: "stage-goal", id: "stage-goal" }), tray);

  /** Draw who is there, and nobody who is not. */
  function draw(view, ended) {
    const live = isOnAir(view);
    element.setAttribute("aria-label", live ? t("room.stream-of", { creator: view.creator }) : t("room.stage"));
    badge.textContent = live ? t("room.badge-live") : ended ? t("room.badge-over") : t("room.badge-not-live");
    badge.classList.toggle("gone", !live);
    host.alt = live ? t("room.on-stage", { creator: view.creator }) : "";
    for (const part of [host, ...lights]) part.hidden = !live;
    nobody.hidden = live;
    nobody.textContent = live ? "" : absence(view, ended).title;
    chip.hidden = !view.creator;
    if (!view.creator) return;
    show(chip, avatar(view.creator), el("span", { class: "host-text" }, who(view.creator), live && view.stream?.title ? el("span", {}, view.stream.title) : null));
  }

  return { element, tray, effects, draw, line: (word) => { line.textContent = LINES[word] ?? ""; } };
}
