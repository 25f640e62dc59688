// How much one allows oneself: lower at once, higher a day later; and a break that holds.
import { get, newKey, path, post, put } from "./api.js";
import { decimalOf, exponentOf, minorOf } from "./currencies.js";
import { coins, el, icon } from "./dom.js";
import { parts, t } from "./language.js";
import { me } from "./session.js";
import { card, confirm, doing, open, sentence, toast } from "./shell.js";
import { currencyOf, money, time } from "./words.js";

/** @type {[string, string][]} */
const PERIODS = [["gift", t("limits.per-gift")], ["day", t("limits.per-day")], ["week", t("limits.per-week")], ["month", t("limits.per-month")]];
// In coins or minor units: what the wallet takes.
const AMOUNT_MAX = 1_000_000_000;
const BREAKS = [1, 7, 30];

export function limits(options) {
  const section = card(t("limits.title"), async () => draw(await get("/v1/wallets/me/limits"), () => section.refresh()), options);
  return section;
}

function draw(found, refresh) {
  const away = found.excluded_until && new Date(found.excluded_until) > new Date();
  return [
    el("p", { class: "muted" }, t("limits.about")),
    el("ul", { class: "limits" }, PERIODS.map(([period, name]) => limitTile(name, period, found.limits.filter((limit) => limit.period === period), refresh))),
    el("h3", {}, t("limits.break")),
    away ? el("p", { class: "tag warn" }, icon("clock"), t("limits.break-until", { until: time(found.excluded_until) })) :
      el("div", { class: "row" }, BREAKS.map((days) => el("button", { onclick: (event) => doing(event.currentTarget, () => takeBreak(days, refresh)) }, t("limits.days", { count: days }))),
        el("span", { class: "small muted" }, t("limits.break-about"))),
  ];
}

const amountOf = (limit, amount) => (limit.unit === "coins" ? coins(amount) : money(amount, limit.unit));

function limitTile(name, period, found, refresh) {
  // One's own, and what an operator set: the stricter one is what counts.
  const own = found.find((limit) => limit.set_by !== "operator" && limit.amount !== null);
  const set = found.filter((limit) => limit.amount !== null);
  return el("li", { class: "limit" },
    el("div", { class: "row between" }, el("h3", {}, name),
      el("button", { class: "tiny", "aria-label": own ? t("limits.change-of", { limit: name }) : t("limits.set-of", { limit: name }), onclick: () => change(name, period, own, refresh) }, own ? t("step.change") : t("step.set"))),
    set.length ? set.flatMap((limit) => [el("p", { class: "row" }, amountOf(limit, limit.amount), limit.set_by === "operator" ? el("span", { class: "tag" }, t("limits.by-support")) : null),
      period === "gift" ? null : el("progress", { class: "track", max: Math.max(limit.amount, 1), value: Math.min(limit.spent, limit.amount), "aria-label": t("limits.spent-of", { limit: name }) }),
      period === "gift" ? null : el("p", { class: "small muted" }, parts("limits.spent", { amount: amountOf(limit, limit.spent) }))]) :
      el("p", { class: "muted" }, t("limits.none")),
    found.filter((limit) => limit.next_from).map((limit) => el("p", { class: "small" }, limit.next_amount === null ? t("limits.next-none", { moment: time(limit.next_from) }) : parts("limits.next", { moment: time(limit.next_from), amount: amountOf(limit, limit.next_amount) }))));
}

function change(name, period, own, refresh) {
  // A limit keeps its unit, whatever country its owner is in by now.
  const units = [...new Set(["coins", currencyOf(me()?.country), own?.unit ?? "coins"])];
  const unit = el("select", { name: "unit", onchange: () => fit() }, units.map((code) => el("option", { value: code }, code === "coins" ? t("limits.in-coins") : code)));
  unit.value = own?.unit ?? "coins";
  const amount = el("input", { name: "amount", type: "number", min: 0, inputmode: "decimal", required: true, value: own ? decimalOf(own.amount, own.unit) : "" });
  const fit = () => { amount.step = decimalOf(1, unit.value); amount.max = decimalOf(AMOUNT_MAX, unit.value); };
  fit();
  const fault = el("p", { class: "fault", role: "alert", hidden: true });
  const refuse = (text) => { fault.hidden = false; fault.textContent = text; };
  const save = async (value) => {
    try {
      await put(path`/v1/wallets/me/limits/${period}`, { unit: unit.value, amount: value });
      dialog.close();
      toast(t("limits.noted"));
      refresh();
    } catch (error) {
      refuse(sentence(error));
    }
  };
  const form = el("form", { onsubmit: (event) => {
    event.preventDefault();
    const value = minorOf(amount.value, unit.value);
    if (value === null) refuse(t("limits.decimals", { count: exponentOf(unit.value) ?? 0 }));
    else save(value);
  } },
    el("div", { class: "fields" }, el("label", { class: "field" }, t("limits.at-most"), amount), el("label", { class: "field" }, t("limits.in"), unit)), fault,
    el("footer", {}, own ? el("button", { type: "button", class: "quiet", onclick: () => save(null) }, t("limits.no-more")) : null, el("button", { class: "primary" }, t("step.save"))));
  const dialog = open(t("limits.of", { limit: name }), [form]);
  amount.focus();
}

async function takeBreak(days, refresh) {
  const meant = await confirm(t("limits.break-sure", { count: days }), t("limits.break-text"), t("limits.break-yes", { count: days }), { danger: true });
  if (!meant) return;
  await post("/v1/wallets/me/exclusions", { days }, newKey());
  toast(t("limits.break-begun"));
  refresh();
}
