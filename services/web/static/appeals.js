// Why a payout is held or was rejected, in plain words, and how not to agree.
import { path, post } from "./api.js";
import { el } from "./dom.js";
import { isNamed, nameOf, t } from "./language.js";
import { doing, open, sentence, toast } from "./shell.js";
import { day, time } from "./words.js";

const TEXT_MAX = 2000;

/** What a creator is told about the review of a payout, its rejection and the appeal. */
export function explanation(payout, refresh) {
  const { review, statement, appeal } = payout;
  if (review) {
    return el("div", { class: "stack", role: "group", "aria-label": t("appeals.review") }, reasons(review.reasons),
      el("p", { class: "small muted" }, t("appeals.answer-by", { day: day(review.decide_by), latest: day(review.promised_by) })));
  }
  if (!statement) return null;
  const isOpen = !appeal && new Date(statement.appeal_until) > new Date();
  return el("div", { class: "stack", role: "group", "aria-label": t("appeals.declined") },
    el("p", {}, statement.facts),
    el("p", { class: "small" }, `${groundOf(statement)} ${statement.found_by_rules ? t("appeals.found-by-rules") : t("appeals.person-decided")}`),
    reasons(statement.reasons),
    appeal ? said(appeal) : el("p", { class: "small muted" }, t("appeals.how", { day: day(statement.appeal_until) })),
    isOpen ? el("button", { class: "tiny", id: "appeal", onclick: () => ask(payout, refresh) }, t("appeals.disagree")) : null);
}

const reasons = (found) => el("ul", { class: "lines" }, found.map((each) => el("li", {}, reasonOf(each))));

/** Why a person looks at a payout; a reason that is newer than this page keeps the words of the API. */
export function reasonOf({ code, words }) {
  const named = code.split(":")[0];
  return isNamed("review-reason", named) ? nameOf("review-reason", named) : words;
}

function groundOf({ ground, clause }) {
  if (ground === "law") return clause ? t("appeals.law-clause", { clause }) : t("appeals.law");
  return clause ? t("appeals.terms-clause", { clause }) : t("appeals.terms");
}

function said(appeal) {
  if (!appeal.decision) return el("p", {}, t("appeals.waits", { moment: time(appeal.appealed_at), day: day(appeal.decide_by) }));
  const decision = nameOf("appeal-decision", appeal.decision);
  return el("p", {}, appeal.reason ? t("appeals.decided-because", { decision, reason: appeal.reason }) : decision);
}

function ask(payout, refresh) {
  const text = el("textarea", { name: "text", required: true, maxlength: TEXT_MAX, rows: 6 });
  const fault = el("p", { class: "fault", role: "alert", hidden: true });
  const dialog = open(t("appeals.why-wrong"), [el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      doing(event.submitter ?? text, async () => {
        try {
          await post(path`/v1/payouts/${payout.payout}/appeal`, { text: text.value.trim() });
          dialog.close();
          toast(t("appeals.sent"));
          refresh();
        } catch (error) {
          fault.hidden = false;
          fault.textContent = sentence(error);
        }
      });
    },
  }, el("p", {}, t("appeals.about")), el("label", { class: "field" }, t("appeals.your-words"), text), fault,
  el("footer", {}, el("button", { class: "primary" }, t("step.send"))))]);
  text.focus();
}
