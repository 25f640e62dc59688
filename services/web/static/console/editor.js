// The catalogue as operators edit it: try it out first, then save with a reason.
import { call, get, path } from "../api.js";
import { coins, el, empty, show, table } from "../dom.js";
import { picture } from "../gifts.js";
import { doing, open, sentence, toast } from "../shell.js";
import { number, time, words } from "../words.js";
import { panel } from "./access.js";

const BASE = "/v1/operator/gifts/catalogue";
const addressOf = (gift) => path`/v1/operator/gifts/catalogue/${gift.gift_type}`;

export function catalogueEditor(options) {
  const section = panel(["catalogue:write"], "Gift catalogue", async () => draw((await get(BASE)).items, () => section.refresh()), { ...options, id: "catalogue" });
  return section;
}

const draw = (items, refresh) => el("ul", { class: "gift-rows" }, items.map((gift) => el("li", {}, el("button", {
  class: "gift-row", data: { gift: gift.gift_type }, onclick: () => edit(gift, refresh),
}, picture(gift.gift_type, 40), el("span", { class: "grow" }, el("strong", {}, gift.names.en ?? gift.gift_type), el("span", { class: "small muted" }, `${gift.tier}, ${gift.mode}, ${gift.category}`)),
gift.is_active ? null : el("span", { class: "tag warn" }, "off"), isLocked(gift.locks) ? el("span", { class: "tag" }, "locked") : null, coins(gift.price_coins)))));

const isLocked = (locks) => Boolean(locks.fan_only || locks.gifter_level_min || locks.available_from || locks.available_until || locks.countries?.length);

function edit(gift, refresh) {
  const name = el("input", { name: "name", required: true, maxlength: 200, value: gift.names.en ?? "" });
  const price = el("input", { name: "price", type: "number", min: 1, max: 1_000_000, required: true, value: gift.price_coins });
  const category = el("input", { name: "category", required: true, maxlength: 64, value: gift.category });
  const level = el("input", { name: "level", type: "number", min: 1, max: 50, value: gift.locks.gifter_level_min ?? "", placeholder: "none" });
  const fans = el("input", { type: "checkbox", name: "fans" });
  const active = el("input", { type: "checkbox", name: "active" });
  fans.checked = gift.locks.fan_only ?? false;
  active.checked = gift.is_active;
  const reason = el("input", { name: "reason", required: true, maxlength: 500, autocomplete: "off", placeholder: "Why?" });
  const outcome = el("div", { class: "stack", role: "status" });
  const patch = () => ({
    names: { ...gift.names, en: name.value.trim() }, price_coins: Number(price.value), category: category.value.trim(), is_active: active.checked,
    locks: { ...gift.locks, fan_only: fans.checked, gifter_level_min: level.value ? Number(level.value) : null },
    revision: gift.revision, reason: reason.value.trim() || "preview",
  });
  const send = (preview) => call("PATCH", `${addressOf(gift)}${preview ? "?preview=true" : ""}`, { body: patch() });
  const form = el("form", { onsubmit: (event) => {
    event.preventDefault();
    doing(event.submitter ?? name, async () => {
      try {
        await send(false);
        dialog.close();
        toast(`${name.value} is saved.`);
        refresh();
      } catch (error) {
        show(outcome, el("p", { class: "fault", role: "alert" }, sentence(error)));
      }
    });
  } },
  el("div", { class: "fields" }, el("label", { class: "field" }, "Name", name), el("label", { class: "field" }, "Price in coins", price), el("label", { class: "field" }, "Category", category), el("label", { class: "field" }, "From gifter level", level)),
  el("div", { class: "row" }, el("label", { class: "check" }, active, "On offer"), el("label", { class: "check" }, fans, "Fans only")),
  el("label", { class: "field" }, "Reason, kept for good", reason), outcome,
  el("footer", {}, el("button", { type: "button", id: "preview", onclick: (event) => doing(event.currentTarget, async () => show(outcome, previewed(await send(true)))) }, "Preview"), el("button", { class: "primary" }, "Save")));
  const history = el("details", {}, el("summary", {}, "Prices so far"), el("div", {}));
  history.addEventListener("toggle", async () => show(history.lastChild, prices((await get(`${addressOf(gift)}/prices`)).items)), { once: true });
  const dialog = open(gift.names.en ?? gift.gift_type, [el("p", { class: "small muted" }, el("code", {}, gift.gift_type), ` revision ${gift.revision}. Ids are for ever: a gift is switched off, never deleted.`), form, history], [], { wide: true });
}

function previewed(found) {
  return [
    el("div", { class: "preview" }, picture(found.shown.gift_type, 56), el("span", { class: "grow" }, el("strong", {}, found.shown.name), el("span", { class: "small muted" }, `${found.shown.tier}${found.shown.confirmation_required ? ", asks before it is sent" : ""}`)), coins(found.shown.price_coins)),
    found.warnings.map((warning) => el("p", { class: "tag warn" }, warning)),
    found.changes.length ? table("What would change", [{ title: "What" }, { title: "Before" }, { title: "After" }], found.changes.map((change) => [words(change.field), shown(change.before), shown(change.after)])) : empty("Nothing would change", "It is as it was."),
  ].flat();
}

const shown = (value) => (typeof value === "object" && value !== null ? JSON.stringify(value) : String(value));

const prices = (items) => table("Prices so far", [{ title: "Since" }, { title: "Coins", number: true }, { title: "By" }], items.map((one) => [time(one.valid_from), number(one.price_coins), one.operator]));
