// A creator's diamonds and payouts.
import { get, path, person } from "../api.js";
import { chart } from "../chart.js";
import { diamonds, el, empty } from "../dom.js";
import { nameOf, t } from "../language.js";
import { doing } from "../shell.js";
import { day, money, short, time } from "../words.js";
import { may, panel } from "./access.js";
import { actionButton } from "./actions.js";
import { adjustment } from "./adjustments.js";
import { showTrace } from "./traces.js";

const CHART_GIFTS = 100;
const PAYOUTS = 10;
const TONE = { paid: "good", rejected: "bad", failed: "bad", returned: "bad", held: "warn" };

export function diamondsOf(user) {
  const section = panel(["disputes:read"], t("console.diamonds-and-payouts"), async () => {
    const [earned, gifts, payouts] = await Promise.all([
      get(path`/v1/operator/payout/creators/${person(user)}/earnings`), get(path`/v1/operator/payout/creators/${person(user)}/gifts?limit=${CHART_GIFTS}`), get(path`/v1/operator/payouts/${person(user)}?limit=${PAYOUTS}`)]);
    if (!earned.lifetime_diamonds && !payouts.items.length) return empty(t("console.no-diamonds"), t("console.no-diamonds-text"));
    return [balance(earned), may("adjustments:write") ? el("div", { class: "row" }, actionButton(t("console.correct"), t("console.correct-diamonds-about", { person: user }), () => adjustment({ ledger: "payout", user, now: earned.available_diamonds, done: () => section.refresh() }))) : null,
      chart(gifts.items), el("ul", { class: "lines" }, payouts.items.map((payout) => line(user, payout)))];
  }, { id: "diamonds" });
  return section;
}

const balance = (earned) => el("p", { class: "row" }, diamonds(earned.available_diamonds, { class: "figure" }), el("span", {}, t("console.worth", { amount: money(earned.value.amount_minor, earned.value.currency) })),
  el("span", { class: "small muted" }, t("console.diamonds-facts", { pending: earned.pending_diamonds, reserved: earned.reserved_diamonds, lifetime: earned.lifetime_diamonds }),
    earned.holds.length ? [" ", t("console.next-mature", { day: day(earned.holds[0].unlocks_at) })] : null));

function line(user, payout) {
  const steps = el("div");
  const about = { payout: short(payout.payout) };
  const show = async () => {
    const found = await get(path`/v1/operator/payout/creators/${person(user)}/payouts/${payout.payout}`);
    steps.replaceChildren(el("ol", { class: "small" }, found.timeline.map((step) => el("li", {}, `${nameOf("console-state", step.state)} ${time(step.at)}${step.reason ? ` (${nameOf("console-reason", step.reason)})` : ""}`))));
  };
  return el("li", { id: `payout-${payout.payout}` }, el("span", { class: `tag ${TONE[payout.state] ?? ""}` }, nameOf("console-state", payout.state)),
    el("span", { class: "grow" }, el("strong", {}, t("console.money-for-diamonds", { amount: money(payout.amount_minor, payout.currency), count: payout.diamonds })), el("span", { class: "small muted" }, `${time(payout.requested_at)}, `, el("code", {}, payout.payout)), steps),
    el("button", { class: "tiny quiet", "aria-label": t("console.steps-of", about), onclick: (event) => doing(event.currentTarget, show) }, t("console.steps")),
    may("payouts:review") ? el("button", { class: "tiny quiet", "aria-label": t("console.trace-of", about), onclick: (event) => doing(event.currentTarget, () => showTrace(user, payout.payout)) }, t("console.trace")) : null);
}
