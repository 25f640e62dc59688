// The player: who is live and with what, as the room's own state has it. The connection is told apart.
import { el, show } from "./dom.js";
import { parts, t } from "./language.js";
import { avatar, called, who } from "./people.js";
import { build as buildStage } from "./slot.js";

const LINES = { open: "", gone: t("room.reconnecting"), opening: t("room.connecting") };

/** Whether gifts can be given in a room: somebody has to be there to receive them. */
export const isOnAir = (view) => Boolean(view.live && view.creator);

/** What to say of a room where nobody can be given anything; `ended` if one saw it end. */
export function absence(view, ended) {
  if (!view.creator) return { title: t("room.no-creator"), text: t("room.no-creator-text") };
  if (ended) return { title: t("room.over"), text: parts("room.over-text", { creator: who(view.creator) }) };
  return { title: parts("room.not-live", { creator: who(view.creator) }), text: t("room.not-live-text") };
}

export function build(room) {
  const tray = el("ol", { class: "tray", "aria-hidden": "true" });
  const effects = el("div", { class: "effects", "aria-hidden": "true" });
  const badge = el("span", { class: "live-dot" });
  const line = el("span", { class: "stage-line", role: "status" }, LINES.opening);
  const chip = el("div", { class: "host-chip" });
  const nobody = el("p", { class: "stage-empty" });
  const slot = buildStage(room);
  const element = el("section", { class: "stage" }, slot.element, nobody, effects,
    el("div", { class: "stage-top" }, chip, el("div", { class: "stage-state" }, badge, line)),
    el("div", { class: "stage-goal", id: "stage-goal" }), tray);

  let drawn = null;

  /** Draw who is there, and nobody who is not. */
  function draw(view, ended) {
    const live = isOnAir(view);
    if (!live) element.setAttribute("aria-label", t("room.stage"));
    badge.textContent = live ? t("room.badge-live") : ended ? t("room.badge-over") : t("room.badge-not-live");
    badge.classList.toggle("gone", !live);
    slot.draw(live, "");
    nobody.hidden = live;
    show(nobody, live ? null : absence(view, ended).title);
    chip.hidden = !view.creator;
    if (!view.creator) return;
    drawn = live ? view.creator : null;
    called(view.creator, (creator) => {
      // The name may come when somebody else is there, or nobody any more.
      if (drawn !== view.creator) return;
      element.setAttribute("aria-label", t("room.stream-of", { creator }));
      slot.draw(true, t("room.on-stage", { creator }));
    });
    show(chip, avatar(view.creator), el("span", { class: "host-text" }, who(view.creator), live && view.stream?.title ? el("span", {}, view.stream.title) : null));
  }

  return { element, tray, effects, draw, line: (word) => { line.textContent = LINES[word] ?? ""; } };
}
