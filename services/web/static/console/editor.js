// The catalogue as operators edit it: try it out first, then save with a reason.
import { call, get, path } from "../api.js";
import { coins, el, empty, show, table } from "../dom.js";
import { picture } from "../gifts.js";
import { t } from "../language.js";
import { doing, open, sentence, toast } from "../shell.js";
import { number, time, words } from "../words.js";
import { panel } from "./access.js";
import { fileFields } from "./editor_files.js";

const BASE = "/v1/operator/gifts/catalogue";
const addressOf = (gift) => path`/v1/operator/gifts/catalogue/${gift.gift_type}`;

export function catalogueEditor(options) {
  const section = panel(["catalogue:write"], t("editor.title"), async () => draw((await get(BASE)).items, () => section.refresh()), { ...options, id: "catalogue" });
  return section;
}

const draw = (items, refresh) => el("ul", { class: "gift-rows" }, items.map((gift) => el("li", {}, el("button", {
  class: "gift-row", data: { gift: gift.gift_type }, onclick: () => edit(gift, refresh),
}, picture(gift.gift_type, 40, { url: gift.icon_url }), el("span", { class: "grow" }, el("strong", {}, gift.names.en ?? gift.gift_type), el("span", { class: "small muted" }, t("editor.kind", gift))),
gift.is_active ? null : el("span", { class: "tag warn" }, t("editor.off")), isLocked(gift.locks) ? el("span", { class: "tag" }, t("editor.locked")) : null, coins(gift.price_coins)))));

const isLocked = (locks) => Boolean(locks.fan_only || locks.gifter_level_min || locks.available_from || locks.available_until || locks.countries?.length);

function edit(gift, refresh) {
  const name = el("input", { name: "name", required: true, maxlength: 200, value: gift.names.en ?? "" });
  const price = el("input", { name: "price", type: "number", min: 1, max: 1_000_000, required: true, value: gift.price_coins });
  const category = el("input", { name: "category", required: true, maxlength: 64, value: gift.category });
  const level = el("input", { name: "level", type: "number", min: 1, max: 50, value: gift.locks.gifter_level_min ?? "", placeholder: t("editor.no-level") });
  const fans = el("input", { type: "checkbox", name: "fans" });
  const active = el("input", { type: "checkbox", name: "active" });
  fans.checked = gift.locks.fan_only ?? false;
  active.checked = gift.is_active;
  const reason = el("input", { name: "reason", required: true, maxlength: 500, autocomplete: "off", placeholder: t("editor.why") });
  const outcome = el("div", { class: "stack", role: "status" });
  const files = fileFields(gift);
  const patch = () => ({
    names: { ...gift.names, en: name.value.trim() }, price_coins: Number(price.value), category: category.value.trim(), is_active: active.checked,
    locks: { ...gift.locks, fan_only: fans.checked, gifter_level_min: level.value ? Number(level.value) : null },
    ...files.values(), revision: gift.revision, reason: reason.value.trim() || "preview",
  });
  const send = (preview) => call("PATCH", `${addressOf(gift)}${preview ? "?preview=true" : ""}`, { body: patch() });
  /** Do it, and say what keeps it from being done. */
  const tried = (button, work) => doing(button, async () => {
    try {
      await work();
    } catch (error) {
      show(outcome, el("p", { class: "fault", role: "alert" }, sentence(error)));
    }
  });
  const form = el("form", { onsubmit: (event) => {
    event.preventDefault();
    tried(event.submitter ?? name, async () => {
      await send(false);
      dialog.close();
      toast(t("editor.saved", { gift: name.value }));
      refresh();
    });
  } },
  el("div", { class: "fields" }, field("editor.name", name), field("editor.price", price), field("editor.category", category), field("editor.level", level)),
  el("div", { class: "row" }, el("label", { class: "check" }, active, t("editor.active")), el("label", { class: "check" }, fans, t("editor.fans"))),
  files.element, field("editor.reason", reason), outcome,
  el("footer", {}, el("button", { type: "button", id: "preview", onclick: (event) => tried(event.currentTarget, async () => show(outcome, previewed(await send(true)))) }, t("editor.preview")), el("button", { class: "primary" }, t("editor.save"))));
  const history = el("details", {}, el("summary", {}, t("editor.prices")), el("div", {}));
  history.addEventListener("toggle", async () => show(history.lastChild, prices((await get(`${addressOf(gift)}/prices`)).items)), { once: true });
  const dialog = open(gift.names.en ?? gift.gift_type, [el("p", { class: "small muted" }, t("editor.id", gift)), form, history], [], { wide: true });
  dialog.addEventListener("close", files.stop);
}

/** @param {import("../language.js").Key} key */
const field = (key, input) => el("label", { class: "field" }, t(key), input);

function previewed(found) {
  const { tier, confirmation_required: asks } = found.shown;
  return [
    el("div", { class: "preview" }, picture(found.shown.gift_type, 56, { url: found.shown.icon_url }), el("span", { class: "grow" }, el("strong", {}, found.shown.name), el("span", { class: "small muted" }, asks ? t("editor.asks", { tier }) : tier)), coins(found.shown.price_coins)),
    found.warnings.map((warning) => el("p", { class: "tag warn" }, warning)),
    found.changes.length ? table(t("editor.would-change"), [{ title: t("editor.what") }, { title: t("editor.before") }, { title: t("editor.after") }], found.changes.map((change) => [words(change.field), shown(change.before), shown(change.after)])) : empty(t("editor.nothing"), t("editor.nothing-text")),
  ].flat();
}

const shown = (value) => (typeof value === "object" && value !== null ? JSON.stringify(value) : String(value));

const prices = (items) => table(t("editor.prices"), [{ title: t("editor.since") }, { title: t("editor.coins"), number: true }, { title: t("editor.by") }], items.map((one) => [time(one.valid_from), number(one.price_coins), one.operator]));
