// Corrections of a balance: one operator asks, another agrees.
import { path, post, postSurely } from "../api.js";
import { el } from "../dom.js";
import { nameOf, t } from "../language.js";
import { number } from "../words.js";

const DIGITS_MAX = 11;

// What each ledger's balances count.
const TEXTS = {
  wallet: { title: "console.correct-coins-title", now: "console.coins-now", effect: "console.correct-coins-effect", amount: "console.correct-coins-amount", done: "console.correct-coins-done" },
  payout: { title: "console.correct-diamonds-title", now: "console.diamonds-now", effect: "console.correct-diamonds-effect", amount: "console.correct-diamonds-amount", done: "console.correct-diamonds-done" },
};

/** The action that asks for a correction. */
export function adjustment({ ledger, user, now, done }) {
  const texts = TEXTS[ledger];
  const amount = el("input", { name: "adjustment", required: true, maxlength: DIGITS_MAX, pattern: "[+\\-]?[1-9][0-9]*", inputmode: "numeric", placeholder: t("console.correct-example"), autocomplete: "off" });
  return {
    title: t(texts.title), touches: [[t("console.person"), user], [t(texts.now), number(now)]],
    effect: t(texts.effect), yes: t("console.correct-yes"), done,
    fields: [el("label", { class: "field" }, t(texts.amount), amount)],
    send: async ({ reason, key }) => {
      const asked = await postSurely(path`/v1/operator/${ledger}/adjustments`, { user, amount: Number(amount.value), reason }, key);
      return t(texts.done, { count: asked.amount, amount: `${asked.amount > 0 ? "+" : ""}${number(asked.amount)}`, state: nameOf("console-state", asked.state) });
    },
  };
}

/** The action that agrees to a correction, or does not, as its line in the audit log tells it. */
export function decision({ line, agrees, done }) {
  const { adjustment: id, amount } = line.facts;
  return {
    title: t(agrees ? "console.agree-title" : "console.refuse-title"), asksReason: false, danger: !agrees, done,
    touches: [[t("console.person"), line.user], [t("console.ledger"), nameOf("console-service", line.service)], [t("console.amount"), number(amount)], [t("console.asked-by"), line.operator], [t("console.because"), line.reason]],
    effect: t(agrees ? "console.agree-effect" : "console.refuse-effect"), yes: t(agrees ? "console.agree" : "console.refuse"),
    send: async () => nameOf("console-state", (await post(path`/v1/operator/${line.service}/adjustments/${id}/${agrees ? "approve" : "reject"}`)).state),
  };
}
