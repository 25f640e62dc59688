// What an operator does to others: the dialog first says what it touches, then asks why, and shows what came of it.
import { newKey } from "../api.js";
import { el, show } from "../dom.js";
import { t } from "../language.js";
import { doing, open, REASON_MAX, REASON_MIN, sentence } from "../shell.js";

/**
 * Open the dialog of an action. Its key is made now: however often it is sent, it happens once.
 * @param {object} action
 * @param {string} action.title
 * @param {[string, any][]} action.touches What it is about, in terms and amounts.
 * @param {string} action.effect What will be different.
 * @param {string} action.yes
 * @param {any[]} [action.fields]
 * @param {boolean} [action.asksReason]
 * @param {boolean} [action.danger]
 * @param {(given: {reason: string, key: string}) => Promise<string>} action.send Does it; returns what came of it.
 * @param {() => unknown} action.done
 */
export function act({ title, touches, effect, yes, fields = [], asksReason = true, danger = true, send, done }) {
  const key = newKey();
  const reason = reasonField();
  const outcome = el("div", { role: "status" });
  const submit = el("button", { class: danger ? "danger" : "primary" }, yes);
  const form = el("form", { class: "stack", onsubmit: (event) => {
    event.preventDefault();
    doing(submit, async () => {
      try {
        const result = await send({ reason: reason.value.trim(), key });
        show(form, el("p", { class: "tag good" }, result), el("footer", {}, el("button", { type: "button", onclick: () => dialog.close() }, t("console.done"))));
        form.querySelector("button").focus();
        done();
      } catch (error) {
        show(outcome, el("p", { class: "fault", role: "alert" }, sentence(error)));
      }
    });
  } },
  el("dl", { class: "touches" }, touches.map(([term, what]) => el("div", {}, el("dt", {}, term), el("dd", {}, what)))),
  el("p", {}, effect), ...fields, asksReason ? el("label", { class: "field" }, t("console.reason-kept"), reason) : null, outcome,
  el("footer", {}, el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, t("step.cancel")), submit));
  const dialog = open(title, [form]);
  (form.querySelector("input, select, textarea") ?? submit).focus();
}

export const reasonField = () => el("input", { name: "reason", required: true, minlength: REASON_MIN, maxlength: REASON_MAX, autocomplete: "off" });

/** A small button that opens the dialog of an action; `about` says aloud what it is about. */
export const actionButton = (label, about, action, { quiet = true } = {}) =>
  el("button", { class: quiet ? "tiny quiet" : "tiny", "aria-label": about, onclick: () => act(action()) }, label);
