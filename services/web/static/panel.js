// The gift panel: choose a gift, see what it costs, send it from its own tile. On small screens it is a sheet over the stage.
import { chips } from "./chips.js";
import { build as buildCombo, holdToRepeat } from "./combo.js";
import { coins, el, icon, show } from "./dom.js";
import { build as buildFavourites } from "./favourites.js";
import { picture } from "./gifts.js";
import { build as buildGrid } from "./grid.js";
import { build as buildSheet } from "./sheet.js";
import { nameOf, number, t } from "./language.js";

const COUNTS = [1, 5, 10, 50, 99];
const ALL = "all";
const FAVOURITES = "favourites";
const RECENT = "recent";

/** Return the panel, the buttons that lie over the stage for it, and what the room does with them. */
export function build({ gifts, user, tap, topUp, preview, signal }) {
  const own = buildFavourites(user);
  const send = el("button", { class: "primary send", id: "send" });
  const grid = buildGrid({ send, choose, preview, isFavourite: own.isFavourite });
  const combo = buildCombo({ press, over: (held) => { startOver(); if (held) send.focus(); } });
  const counts = chips(t("panel.how-many"), (offer) => { count = offer; drawSend(); });
  const kinds = chips(t("panel.kinds"), (kind) => { shownKind = kind; drawGrid(); });
  const search = el("input", { type: "search", name: "search", maxlength: 40, placeholder: t("panel.search"), "aria-label": t("panel.search-gift"), autocomplete: "off", oninput: () => drawGrid() });
  const note = el("input", { name: "message", maxlength: 80, placeholder: t("panel.note"), "aria-label": t("panel.note-label"), autocomplete: "off" });
  const anonymous = el("input", { type: "checkbox", name: "anonymous" });
  const favourite = el("button", { class: "tiny round", id: "favourite", onclick: toggleFavourite });
  const balance = el("span", { id: "balance", class: "balance" });
  const quick = el("button", { class: "quick", id: "quick-gift", onclick: () => { choose(quickGift()); press(); } });
  const opener = el("button", { class: "primary round", id: "open-gifts", "aria-controls": "gifts" }, icon("gift"), el("span", { class: "unseen" }, t("panel.gifts")));
  let chosen = gifts.find((gift) => gift.available !== false) ?? gifts[0];
  let shownKind = ALL;
  let count = 1;
  let taps = 0;

  /** The gifts of the chosen kind whose name has what was searched for. */
  function shown() {
    const named = search.value.trim().toLowerCase();
    const byId = (ids) => ids.map((id) => gifts.find((gift) => gift.gift_type === id)).filter(Boolean);
    const ofKind = { [ALL]: () => gifts, [FAVOURITES]: () => byId(own.favourites()), [RECENT]: () => byId(own.recent()) }[shownKind] ?? (() => gifts.filter((gift) => gift.category === shownKind));
    return (named ? gifts : ofKind()).filter((gift) => gift.name.toLowerCase().includes(named));
  }

  /** What is sent has to be seen: the choice moves to a gift that is. */
  function drawGrid() {
    const all = shown();
    if (!all.includes(chosen)) setChosen(all.find((gift) => gift.available !== false) ?? chosen);
    grid.draw(all, all.includes(chosen) ? chosen : null);
  }

  function setChosen(gift) {
    if (gift === chosen) return;
    chosen = gift;
    count = 1;
    startOver();
  }

  function choose(gift) {
    setChosen(gift);
    grid.mark(gift);
    grid.showChosen();
  }

  const isStreak = () => chosen.mode === "streak";
  const quickGift = () => gifts.find((gift) => gift.gift_type === own.recent()[0] && gift.available !== false) ?? chosen;

  function drawSend() {
    const offered = isStreak() ? chosen.batch_counts?.length ? chosen.batch_counts : COUNTS : [1];
    counts.element.hidden = offered.length < 2;
    counts.draw(offered.map((offer) => [offer, `×${offer}`]), count);
    const many = count > 1 ? ` ×${number(count)}` : null;
    show(send, el("span", {}, el("span", { "aria-hidden": "true" }, t("panel.send")), el("span", { class: "unseen" }, t("panel.send-gift", { gift: chosen.name })), many), coins(chosen.price_coins * count));
    const isOne = own.isFavourite(chosen.gift_type);
    favourite.setAttribute("aria-pressed", String(isOne));
    show(favourite, icon("heart"), el("span", { class: "unseen" }, t("panel.is-favourite", { gift: chosen.name })));
    drawQuick();
  }

  function drawQuick() {
    const gift = quickGift();
    show(quick, picture(gift.gift_type, 36), el("span", { class: "unseen" }, `${t("panel.send-gift", { gift: gift.name })} `), coins(gift.price_coins));
  }

  function toggleFavourite() {
    own.toggle(chosen.gift_type);
    grid.markFavourite(chosen.gift_type, own.isFavourite(chosen.gift_type));
    drawSend();
    if (shownKind === FAVOURITES) drawGrid();
  }

  function press() {
    if (isStreak()) {
      taps += count;
      combo.grow(chosen, taps);
    }
    tap(chosen, { count, message: note.value.trim() || null, anonymous: anonymous.checked });
    note.value = "";
    own.sent(chosen.gift_type);
    drawQuick();
  }

  function startOver() {
    taps = 0;
    combo.end();
    drawSend();
  }

  holdToRepeat(send, press, isStreak);
  kinds.draw([...[ALL, FAVOURITES, RECENT].map((kind) => [kind, nameOf("panel-kind", kind)]), ...[...new Set(gifts.map((gift) => gift.category))].map((kind) => [kind, nameOf("gift-category", kind)])], ALL);
  drawGrid();
  drawSend();

  const grip = el("button", { class: "grip quiet", id: "close-gifts" }, el("span", { class: "unseen" }, t("panel.close")));
  const element = el("section", { class: "panel card", id: "gifts", "aria-labelledby": "panel-title" }, grip,
    el("div", { class: "panel-head" }, el("h2", { id: "panel-title" }, t("panel.title")),
      el("div", { class: "row panel-coins" }, balance, el("button", { class: "tiny", id: "get-coins", onclick: topUp }, icon("plus"), t("step.get-coins"))),
      kinds.element, search),
    grid.element,
    el("div", { class: "send-bar" },
      el("div", { class: "send-how" }, counts.element, favourite, el("button", { class: "tiny", id: "preview-gift", onclick: () => preview(chosen) }, icon("eye"), t("panel.preview"))),
      el("div", { class: "send-note" }, note, el("label", { class: "check" }, anonymous, t("panel.anonymous")))));
  const actions = el("div", { class: "stage-actions" }, quick, opener);
  const isOurs = (target) => target instanceof Element && Boolean(target.closest(".panel, .combo, dialog, #toasts"));
  const sheet = buildSheet(element, { opener, grip, isOurs, signal, opened: () => { grid.showChosen(); grid.focus(); } });
  return { element, actions, combo: combo.element, startOver, close: () => { sheet.close(); combo.end(); }, setBalance: (held) => show(balance, held === null ? null : coins(held)) };
}
