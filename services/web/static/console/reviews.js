// Payouts under review and appeals: a person decides, with a reason that stays and its creator reads.
import { get, path, person, post } from "../api.js";
import { diamonds, el, empty } from "../dom.js";
import { nameOf, parts, t } from "../language.js";
import { askReason, doing, open, sentence, toast } from "../shell.js";
import { actionButton, reasonField } from "./actions.js";
import { panel } from "./access.js";
import { personAddress } from "./addresses.js";
import { showTrace } from "./traces.js";
import { fromNow, money, short } from "../words.js";

const FACTS_MAX = 2000;
const CLAUSE_MAX = 64;
// Its outcome is the bank's to say: it is resolved, not reviewed.
const UNRESOLVED = "provider-unknown";

export function reviews() {
  const section = panel(["payouts:review"], t("console.reviews"), async () => {
    const [held, appeals] = await Promise.all([get("/v1/operator/payouts"), get("/v1/operator/payout-appeals")]);
    return draw(held.items, appeals.items, () => section.refresh());
  }, { id: "reviews", live: true });
  return section;
}

function draw(held, appeals, refresh) {
  if (!held.length && !appeals.length) return empty(t("console.reviews-none"), t("console.reviews-none-text"));
  return [
    held.length ? el("ul", { class: "lines" }, held.map((payout) => waiting(payout, refresh))) : null,
    appeals.length ? el("h3", {}, t("console.appeals")) : null,
    appeals.length ? el("ul", { class: "lines" }, appeals.map((appeal) => appealed(appeal, refresh))) : null,
  ];
}

function waiting(payout, refresh) {
  const about = { payout: short(payout.payout), creator: payout.creator };
  const isReviewed = payout.reason !== UNRESOLVED;
  return el("li", {},
    el("span", { class: "grow" }, el("strong", {}, el("a", { href: personAddress(payout.creator) }, payout.creator), `: ${money(payout.amount_minor, payout.currency)}`),
      el("span", { class: "small muted" }, parts("console.review-facts", { diamonds: diamonds(payout.diamonds), destination: payout.destination, held: fromNow(payout.held_at) }),
        payout.decide_by ? [" ", t("console.due", { time: fromNow(payout.decide_by) })] : null),
      el("ul", { class: "small" }, payout.reasons.map((each) => el("li", {}, `${nameOf("console-reason", each.code)}: ${each.words}`))),
      payout.approved_by.length ? el("span", { class: "small" }, t("console.approved-by", { operators: payout.approved_by.join(", "), count: payout.approvals_needed })) : null),
    el("button", { class: "tiny quiet", "aria-label": t("console.trace-of-creator", about), onclick: (event) => doing(event.currentTarget, () => showTrace(payout.creator, payout.payout)) }, t("console.trace")),
    isReviewed ? actionButton(t("console.approve"), t("console.approve-about", about), () => approval(payout, refresh), { quiet: false }) : null,
    isReviewed ? el("button", { class: "tiny quiet", "aria-label": t("console.reject-about", about), onclick: () => reject(payout, refresh) }, t("console.reject")) : null);
}

const approval = (payout, refresh) => ({
  title: t("console.approve-title"), yes: t("console.approve"), danger: false, done: refresh,
  touches: [[t("console.creator"), payout.creator], [t("console.money-that-goes"), money(payout.amount_minor, payout.currency)], [t("console.in-return-for"), t("console.diamonds-count", { count: payout.diamonds })], [t("console.to"), payout.destination]],
  effect: t(payout.approvals_needed > payout.approved_by.length + 1 ? "console.approve-second" : "console.approve-effect"),
  send: async ({ reason }) => t((await post(path`/v1/operator/payouts/${person(payout.creator)}/${payout.payout}/approve`, { reason })).state === "held" ? "console.approve-noted" : "console.approved"),
});

/** The creator reads why: the facts, and which rule they break. */
function reject(payout, refresh) {
  const reason = reasonField();
  const facts = el("textarea", { name: "facts", required: true, maxlength: FACTS_MAX, rows: 5 });
  const ground = el("select", { name: "ground" }, el("option", { value: "terms" }, t("console.ground-terms")), el("option", { value: "law" }, t("console.ground-law")));
  const clause = el("input", { name: "clause", maxlength: CLAUSE_MAX, autocomplete: "off" });
  const fault = el("p", { class: "fault", role: "alert", hidden: true });
  const dialog = open(t("console.reject-title"), [el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      doing(event.submitter ?? reason, async () => {
        try {
          await post(path`/v1/operator/payouts/${person(payout.creator)}/${payout.payout}/reject`, {
            reason: reason.value.trim(), facts: facts.value.trim(), ground: ground.value, ...(clause.value.trim() ? { clause: clause.value.trim() } : {}),
          });
          dialog.close();
          toast(t("console.rejected"));
          refresh();
        } catch (error) {
          fault.hidden = false;
          fault.textContent = sentence(error);
        }
      });
    },
  }, el("p", {}, t("console.reject-effect", { amount: money(payout.amount_minor, payout.currency), creator: payout.creator })),
  el("label", { class: "field" }, t("console.reason"), reason), el("label", { class: "field" }, t("console.facts"), facts),
  el("label", { class: "field" }, t("console.ground"), ground), el("label", { class: "field" }, t("console.clause"), clause), fault,
  el("footer", {}, el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, t("step.cancel")), el("button", { class: "danger" }, t("console.reject"))))]);
  reason.focus();
}

function appealed(appeal, refresh) {
  const decide = (decision, title, yes, danger) => async (event) => {
    const button = event.currentTarget;
    const reason = await askReason(title, appeal.text, yes, { danger });
    if (!reason) return;
    await doing(button, async () => {
      await post(path`/v1/operator/payouts/${person(appeal.creator)}/${appeal.payout}/appeal`, { decision, reason });
      toast(t("console.decided"));
      refresh();
    });
  };
  const about = { payout: short(appeal.payout), creator: appeal.creator };
  return el("li", {},
    el("span", { class: "grow" }, el("strong", {}, appeal.creator), el("span", { class: "small" }, appeal.text), el("span", { class: "small muted" }, t("console.due", { time: fromNow(appeal.decide_by) }))),
    el("button", { class: "tiny", "aria-label": t("console.overturn-about", about), onclick: decide("overturn", t("console.overturn-title"), t("console.overturn"), false) }, t("console.overturn")),
    el("button", { class: "tiny quiet", "aria-label": t("console.uphold-about", about), onclick: decide("uphold", t("console.uphold-title"), t("console.uphold"), true) }, t("console.uphold")));
}
