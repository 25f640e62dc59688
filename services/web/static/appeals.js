// Why a payout is held or was rejected, in plain words, and how not to agree.
import { path, post } from "./api.js";
import { el } from "./dom.js";
import { doing, open, sentence, toast } from "./shell.js";
import { day, time, words } from "./words.js";

const TEXT_MAX = 2000;
const DECISIONS = { upheld: "The decision stands", overturned: "The decision was wrong: you can cash out again" };

/** What a creator is told about the review of a payout, its rejection and the appeal. */
export function explanation(payout, refresh) {
  const { review, statement, appeal } = payout;
  if (review) {
    return el("div", { class: "stack", role: "group", "aria-label": "Why a person looks at it" }, reasons(review.reasons),
      el("p", { class: "small muted" }, `You have an answer by ${day(review.decide_by)}, at the latest by ${day(review.promised_by)}.`));
  }
  if (!statement) return null;
  const isOpen = !appeal && new Date(statement.appeal_until) > new Date();
  return el("div", { class: "stack", role: "group", "aria-label": "Why it was declined" },
    el("p", {}, statement.facts),
    el("p", { class: "small" }, `It rests on ${statement.ground === "law" ? "the law" : "our terms"}${statement.clause ? `: ${statement.clause}` : ""}. ${statement.found_by_rules ? "Rules noticed it, a person decided." : "A person decided."}`),
    reasons(statement.reasons),
    appeal ? said(appeal) : el("p", { class: "small muted" }, `${statement.how_to_appeal} You have until ${day(statement.appeal_until)}.`),
    isOpen ? el("button", { class: "tiny", id: "appeal", onclick: () => ask(payout, refresh) }, "I do not agree") : null);
}

const reasons = (found) => el("ul", { class: "lines" }, found.map((each) => el("li", {}, each.words)));

const said = (appeal) => el("p", {}, appeal.decision ? `${DECISIONS[appeal.decision] ?? words(appeal.decision)}${appeal.reason ? `: ${appeal.reason}` : ""}.` : `You appealed on ${time(appeal.appealed_at)}; you have an answer by ${day(appeal.decide_by)}.`);

function ask(payout, refresh) {
  const text = el("textarea", { name: "text", required: true, maxlength: TEXT_MAX, rows: 6 });
  const fault = el("p", { class: "fault", role: "alert", hidden: true });
  const dialog = open("Why is it wrong?", [el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      doing(event.submitter ?? text, async () => {
        try {
          await post(path`/v1/payouts/${payout.payout}/appeal`, { text: text.value.trim() });
          dialog.close();
          toast("Somebody else will look at it.");
          refresh();
        } catch (error) {
          fault.hidden = false;
          fault.textContent = sentence(error);
        }
      });
    },
  }, el("p", {}, "Somebody who has not decided about it before looks at it again."), el("label", { class: "field" }, "In your words", text), fault,
  el("footer", {}, el("button", { class: "primary" }, "Send")))]);
  text.focus();
}
