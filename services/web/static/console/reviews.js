// Payouts under review and appeals: a person decides, with a reason that stays and its creator reads.
import { get, path, person, post } from "../api.js";
import { diamonds, el, empty } from "../dom.js";
import { askReason, doing, open, REASON_MAX, REASON_MIN, sentence, toast } from "../shell.js";
import { actionButton } from "./actions.js";
import { panel } from "./access.js";
import { personAddress } from "./addresses.js";
import { showTrace } from "./traces.js";
import { fromNow, money, number, short, words } from "../words.js";

const FACTS_MAX = 2000;
const CLAUSE_MAX = 64;
// Its outcome is the bank's to say: it is resolved, not reviewed.
const UNRESOLVED = "provider-unknown";

export function reviews() {
  const section = panel(["payouts:review"], "Payouts to review", async () => {
    const [held, appeals] = await Promise.all([get("/v1/operator/payouts"), get("/v1/operator/payout-appeals")]);
    return draw(held.items, appeals.items, () => section.refresh());
  }, { id: "reviews", live: true });
  return section;
}

function draw(held, appeals, refresh) {
  if (!held.length && !appeals.length) return empty("Nothing waits", "Payouts wait here when rules found a reason for a person to look.");
  return [
    held.length ? el("ul", { class: "lines" }, held.map((payout) => waiting(payout, refresh))) : null,
    appeals.length ? el("h3", {}, "Appeals") : null,
    appeals.length ? el("ul", { class: "lines" }, appeals.map((appeal) => appealed(appeal, refresh))) : null,
  ];
}

function waiting(payout, refresh) {
  const about = `payout ${short(payout.payout)} of ${payout.creator}`;
  const isReviewed = payout.reason !== UNRESOLVED;
  const agreed = payout.approved_by.length ? `approved by ${payout.approved_by.join(", ")}, ${payout.approvals_needed} needed` : null;
  return el("li", {},
    el("span", { class: "grow" }, el("strong", {}, el("a", { href: personAddress(payout.creator) }, payout.creator), `: ${money(payout.amount_minor, payout.currency)}`),
      el("span", { class: "small muted" }, diamonds(payout.diamonds), ` to ${payout.destination}, held ${fromNow(payout.held_at)}${payout.decide_by ? `, due ${fromNow(payout.decide_by)}` : ""}`),
      el("span", { class: "small" }, payout.reasons.map((each) => `${words(each.code)}: ${each.words}`).join(" ")),
      agreed ? el("span", { class: "small" }, words(agreed)) : null),
    el("button", { class: "tiny quiet", "aria-label": `Trace ${about}`, onclick: (event) => doing(event.currentTarget, () => showTrace(payout.creator, payout.payout)) }, "Trace"),
    isReviewed ? actionButton("Approve", about, () => approval(payout, refresh), { quiet: false }) : null,
    isReviewed ? el("button", { class: "tiny quiet", "aria-label": `Reject ${about}`, onclick: () => reject(payout, refresh) }, "Reject") : null);
}

const approval = (payout, refresh) => ({
  title: "Approve the payout?", yes: "Approve", danger: false, done: refresh,
  touches: [["Creator", payout.creator], ["Money that goes", money(payout.amount_minor, payout.currency)], ["For", `${number(payout.diamonds)} diamonds`], ["To", payout.destination]],
  effect: payout.approvals_needed > payout.approved_by.length + 1 ? "A second person has to approve it as well." : "The money is sent at once. It can hardly be called back.",
  send: async ({ reason }) => ((await post(path`/v1/operator/payouts/${person(payout.creator)}/${payout.payout}/approve`, { reason })).state === "held" ? "Noted. A second person has to approve it." : "Approved."),
});

/** The creator reads why: the facts, and which rule they break. */
function reject(payout, refresh) {
  const reason = el("input", { name: "reason", required: true, minlength: REASON_MIN, maxlength: REASON_MAX, autocomplete: "off" });
  const facts = el("textarea", { name: "facts", required: true, maxlength: FACTS_MAX, rows: 5 });
  const ground = el("select", { name: "ground" }, el("option", { value: "terms" }, "Our terms"), el("option", { value: "law" }, "A law"));
  const clause = el("input", { name: "clause", maxlength: CLAUSE_MAX, autocomplete: "off" });
  const fault = el("p", { class: "fault", role: "alert", hidden: true });
  const dialog = open("Reject the payout?", [el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      doing(event.submitter ?? reason, async () => {
        try {
          await post(path`/v1/operator/payouts/${person(payout.creator)}/${payout.payout}/reject`, {
            reason: reason.value.trim(), facts: facts.value.trim(), ground: ground.value, ...(clause.value.trim() ? { clause: clause.value.trim() } : {}),
          });
          dialog.close();
          toast("Rejected.");
          refresh();
        } catch (error) {
          fault.hidden = false;
          fault.textContent = sentence(error);
        }
      });
    },
  }, el("p", {}, `${money(payout.amount_minor, payout.currency)} for ${payout.creator}, whose diamonds come back. The creator reads all of this.`),
  el("label", { class: "field" }, "Reason", reason), el("label", { class: "field" }, "Facts", facts),
  el("label", { class: "field" }, "It rests on", ground), el("label", { class: "field" }, "Which clause or law", clause), fault,
  el("footer", {}, el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel"), el("button", { class: "danger" }, "Reject")))]);
  reason.focus();
}

function appealed(appeal, refresh) {
  const decide = (decision, word, danger) => async (event) => {
    const button = event.currentTarget;
    const reason = await askReason(`${word} the rejection?`, appeal.text, word, { danger });
    if (!reason) return;
    await doing(button, async () => {
      await post(path`/v1/operator/payouts/${person(appeal.creator)}/${appeal.payout}/appeal`, { decision, reason });
      toast("Decided.");
      refresh();
    });
  };
  const about = `the rejection of payout ${short(appeal.payout)} of ${appeal.creator}`;
  return el("li", {},
    el("span", { class: "grow" }, el("strong", {}, appeal.creator), el("span", { class: "small" }, appeal.text), el("span", { class: "small muted" }, `Due ${fromNow(appeal.decide_by)}`)),
    el("button", { class: "tiny", "aria-label": `Overturn ${about}`, onclick: decide("overturn", "Overturn", false) }, "Overturn"),
    el("button", { class: "tiny quiet", "aria-label": `Uphold ${about}`, onclick: decide("uphold", "Uphold", true) }, "Uphold"));
}
