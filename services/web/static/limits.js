// How much one allows oneself: lower at once, higher a day later; and a break that holds.
import { get, newKey, path, post, put } from "./api.js";
import { decimalOf, exponentOf, minorOf } from "./currencies.js";
import { coins, el, icon } from "./dom.js";
import { me } from "./session.js";
import { card, confirm, doing, open, sentence, toast } from "./shell.js";
import { currencyOf, money, number, time } from "./words.js";

const PERIODS = [["gift", "Per gift"], ["day", "A day"], ["week", "A week"], ["month", "A month"]];
// In coins or minor units: what the wallet takes.
const AMOUNT_MAX = 1_000_000_000;
const BREAKS = [[1, "One day"], [7, "One week"], [30, "30 days"]];

export function limits(options) {
  const section = card("Your limits", async () => draw(await get("/v1/wallets/me/limits"), () => section.refresh()), options);
  return section;
}

function draw(found, refresh) {
  const away = found.excluded_until && new Date(found.excluded_until) > new Date();
  return [
    el("p", { class: "muted" }, "A lower limit counts at once. A higher one counts a day later, so that nobody changes their mind in the heat of the moment."),
    el("ul", { class: "limits" }, PERIODS.map(([period, name]) => limitTile(name, period, found.limits.filter((limit) => limit.period === period), refresh))),
    el("h3", {}, "Take a break"),
    away ? el("p", { class: "tag warn" }, icon("clock"), `You are taking a break until ${time(found.excluded_until)}.`) :
      el("div", { class: "row" }, BREAKS.map(([days, name]) => el("button", { onclick: (event) => doing(event.currentTarget, () => takeBreak(days, name, refresh)) }, name)),
        el("span", { class: "small muted" }, "No buying, no gifts. It cannot be taken back.")),
  ];
}

const amountOf = (limit, amount) => (limit.unit === "coins" ? coins(amount) : money(amount, limit.unit));

function limitTile(name, period, found, refresh) {
  // One's own, and what an operator set: the stricter one is what counts.
  const own = found.find((limit) => limit.set_by !== "operator" && limit.amount !== null);
  const set = found.filter((limit) => limit.amount !== null);
  return el("li", { class: "limit" },
    el("div", { class: "row between" }, el("h3", {}, name),
      el("button", { class: "tiny", "aria-label": `${own ? "Change" : "Set"} the limit: ${name}`, onclick: () => change(name, period, own, refresh) }, own ? "Change" : "Set")),
    set.length ? set.flatMap((limit) => [el("p", { class: "row" }, amountOf(limit, limit.amount), limit.set_by === "operator" ? el("span", { class: "tag" }, "set by support") : null),
      period === "gift" ? null : el("progress", { class: "track", max: Math.max(limit.amount, 1), value: Math.min(limit.spent, limit.amount), "aria-label": `${name}: spent so far` }),
      period === "gift" ? null : el("p", { class: "small muted" }, amountOf(limit, limit.spent), " spent so far")]) :
      el("p", { class: "muted" }, "No limit"),
    found.filter((limit) => limit.next_from).map((limit) => el("p", { class: "small" }, `From ${time(limit.next_from)}: `, limit.next_amount === null ? "no limit" : amountOf(limit, limit.next_amount))));
}

function change(name, period, own, refresh) {
  // A limit keeps its unit, whatever country its owner is in by now.
  const units = [...new Set(["coins", currencyOf(me()?.country), own?.unit ?? "coins"])];
  const unit = el("select", { name: "unit", onchange: () => fit() }, units.map((code) => el("option", { value: code }, code)));
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
      toast("Your limit is noted.");
      refresh();
    } catch (error) {
      refuse(sentence(error));
    }
  };
  const form = el("form", { onsubmit: (event) => {
    event.preventDefault();
    const value = minorOf(amount.value, unit.value);
    if (value === null) refuse(`Write an amount with at most ${exponentOf(unit.value) ?? 0} decimals.`);
    else save(value);
  } },
    el("div", { class: "fields" }, el("label", { class: "field" }, "At most", amount), el("label", { class: "field" }, "In", unit)), fault,
    el("footer", {}, own ? el("button", { type: "button", class: "quiet", onclick: () => save(null) }, "No limit any more") : null, el("button", { class: "primary" }, "Save")));
  const dialog = open(`Limit: ${name.toLowerCase()}`, [form]);
  amount.focus();
}

async function takeBreak(days, name, refresh) {
  const meant = await confirm(`A break of ${number(days)} ${days === 1 ? "day" : "days"}?`, "Until it is over you can neither buy coins nor send gifts. Nobody can end it early, not even support.", `Yes: ${name.toLowerCase()}`, { danger: true });
  if (!meant) return;
  await post("/v1/wallets/me/exclusions", { days }, newKey());
  toast("Your break has begun. Take care.");
  refresh();
}
