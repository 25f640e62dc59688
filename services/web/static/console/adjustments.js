// Corrections of a balance: one operator asks, another agrees.
import { path, post, postSurely } from "../api.js";
import { el } from "../dom.js";
import { number, words } from "../words.js";

const DIGITS_MAX = 11;

/** The action that asks for a correction. */
export function adjustment({ ledger, user, unit, now, done }) {
  const amount = el("input", { name: "adjustment", required: true, maxlength: DIGITS_MAX, pattern: "[+\\-]?[1-9][0-9]*", inputmode: "numeric", placeholder: "-50 takes, 50 gives", autocomplete: "off" });
  return {
    title: `Correct the ${unit} of this person?`, touches: [["Person", user], [`${words(unit)} now`, number(now)]],
    effect: `A colleague has to agree before any ${unit} move. Afterwards it stands in the ledger for good.`, yes: "Ask for the correction", done,
    fields: [el("label", { class: "field" }, `${words(unit)} to give or to take`, amount)],
    send: async ({ reason, key }) => {
      const asked = await postSurely(path`/v1/operator/${ledger}/adjustments`, { user, amount: Number(amount.value), reason }, key);
      return `${asked.amount > 0 ? "+" : ""}${number(asked.amount)} ${unit}: ${asked.state}. A colleague finds it below, under what operators did.`;
    },
  };
}

/** The action that agrees to a correction, or does not, as its line in the audit log tells it. */
export function decision({ line, agrees, done }) {
  const { adjustment: id, amount } = line.facts;
  return {
    title: agrees ? "Agree to this correction?" : "Refuse this correction?", asksReason: false, danger: !agrees, done,
    touches: [["Person", line.user], ["Ledger", words(line.service)], ["Amount", number(amount)], ["Asked for by", line.operator], ["Because", line.reason]],
    effect: agrees ? "It is posted at once." : "Nothing is posted.", yes: agrees ? "Agree" : "Refuse",
    send: async () => words((await post(path`/v1/operator/${line.service}/adjustments/${id}/${agrees ? "approve" : "reject"}`)).state),
  };
}
