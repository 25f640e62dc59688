// A creator's diamonds and payouts.
import { get, path, person } from "../api.js";
import { chart } from "../chart.js";
import { diamonds, el, empty } from "../dom.js";
import { doing } from "../shell.js";
import { day, money, number, short, time, words } from "../words.js";
import { may, panel } from "./access.js";
import { actionButton } from "./actions.js";
import { adjustment } from "./adjustments.js";
import { showTrace } from "./traces.js";

const CHART_GIFTS = 100;
const PAYOUTS = 10;
const TONE = { paid: "good", rejected: "bad", failed: "bad", returned: "bad", held: "warn" };

export function diamondsOf(user) {
  const section = panel(["disputes:read"], "Diamonds and payouts", async () => {
    const [earned, gifts, payouts] = await Promise.all([
      get(path`/v1/operator/payout/creators/${person(user)}/earnings`), get(path`/v1/operator/payout/creators/${person(user)}/gifts?limit=${CHART_GIFTS}`), get(path`/v1/operator/payouts/${person(user)}?limit=${PAYOUTS}`)]);
    if (!earned.lifetime_diamonds && !payouts.items.length) return empty("No diamonds", "This person got no gift so far.");
    return [balance(earned), may("adjustments:write") ? el("div", { class: "row" }, actionButton("Correct", `the diamonds of ${user}`, () => adjustment({ ledger: "payout", user, unit: "diamonds", now: earned.available_diamonds, done: () => section.refresh() }))) : null,
      chart(gifts.items), el("ul", { class: "lines" }, payouts.items.map((payout) => line(user, payout)))];
  }, { id: "diamonds" });
  return section;
}

const balance = (earned) => el("p", { class: "row" }, diamonds(earned.available_diamonds, { class: "figure" }), el("span", {}, `worth ${money(earned.value.amount_minor, earned.value.currency)}`),
  el("span", { class: "small muted" }, `${number(earned.pending_diamonds)} pending, ${number(earned.reserved_diamonds)} reserved, ${number(earned.lifetime_diamonds)} ever${earned.holds.length ? `; the next mature ${day(earned.holds[0].unlocks_at)}` : ""}`));

function line(user, payout) {
  const steps = el("div");
  const show = async () => {
    const found = await get(path`/v1/operator/payout/creators/${person(user)}/payouts/${payout.payout}`);
    steps.replaceChildren(el("p", { class: "small" }, found.timeline.map((step) => `${words(step.state)} ${time(step.at)}${step.reason ? ` (${step.reason})` : ""}`).join(", ")));
  };
  return el("li", { id: `payout-${payout.payout}` }, el("span", { class: `tag ${TONE[payout.state] ?? ""}` }, words(payout.state)),
    el("span", { class: "grow" }, el("strong", {}, `${money(payout.amount_minor, payout.currency)} for ${number(payout.diamonds)} diamonds`), el("span", { class: "small muted" }, `${time(payout.requested_at)}, `, el("code", {}, payout.payout)), steps),
    el("button", { class: "tiny quiet", "aria-label": `Steps of payout ${short(payout.payout)}`, onclick: (event) => doing(event.currentTarget, show) }, "Steps"),
    may("payouts:review") ? el("button", { class: "tiny quiet", "aria-label": `Trace payout ${short(payout.payout)}`, onclick: (event) => doing(event.currentTarget, () => showTrace(user, payout.payout)) }, "Trace") : null);
}
