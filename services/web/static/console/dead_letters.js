// Dead letters: what a service could not handle, why, and the button that sends it to its queue again.
import { get, path, postSurely } from "../api.js";
import { el, empty } from "../dom.js";
import { nameOf, t } from "../language.js";
import { doing } from "../shell.js";
import { short, time } from "../words.js";
import { may, panel } from "./access.js";
import { actionButton } from "./actions.js";
import { searchAddress } from "./addresses.js";
import { good, readOperations } from "./operations.js";
import { runbook } from "./runbooks.js";

const LISTED_MAX = 50;
// Codes that say that a message is evidence.
const FORGED = "foreign-publisher";

/** The queues that have dead letters; those of one are read when somebody asks, for a look takes them for a moment. */
export function deadLetters(options) {
  // Whose dead letters are open: they are read again with the list.
  const open = new Set();
  const section = panel(["books:read", "dead-letters:read"], t("console.dead-letters"), async () => {
    const found = (await readOperations()).flatMap(({ service, state }) => (state?.queues ?? []).map((queue) => ({ service, ...queue }))).filter((queue) => queue.dead_letters);
    if (!found.length) return good(t("console.dead-letters-none"));
    return [el("p", { class: "small" }, t("console.dead-letters-what"), " ", runbook("growing-dlq")),
      ...found.map((queue) => queueOf(queue, open, () => section.refresh()))];
  }, { ...options, id: "dead-letters", live: true });
  return section;
}

function queueOf({ service, queue, dead_letters: count }, open, refresh) {
  const place = el("div", { class: "stack", role: "status" });
  const show = async () => {
    open.add(queue);
    const { items, as_of: at } = await get(path`/v1/operator/${service}/dead-letters?queue=${queue}`);
    place.replaceChildren(...(items.length ? [el("ul", { class: "lines" }, items.map((one) => line(service, one, queue, refresh))),
      el("p", { class: "small muted" }, items.length < LISTED_MAX ? t("console.as-of", { time: time(at) }) : t("console.dead-letters-oldest", { number: LISTED_MAX }))] :
      [empty(t("console.dead-letters-gone"), t("console.dead-letters-gone-text"))]));
  };
  if (open.has(queue)) show().catch(() => {});
  return el("section", { "aria-label": queue }, el("p", { class: "row" }, el("span", { class: "tag bad" }, t("console.dead-letters-of", { count, queue })),
    el("button", { class: "tiny", "aria-label": t("console.dead-letters-show-of", { queue }), onclick: (event) => doing(event.currentTarget, show) }, t("console.show"))), place);
}

function line(service, one, queue, refresh) {
  const about = short(one.message);
  const isForged = one.code === FORGED || one.not_redriven_because;
  return el("li", { class: "dead-letter" }, el("span", { class: `tag ${isForged ? "bad" : "warn"}` }, one.code ? nameOf("console-dead", one.code) : t("console.dead-unknown")),
    el("span", { class: "grow" }, el("strong", {}, one.type || t("console.dead-no-type")), one.detail ? el("span", { class: "small" }, one.detail) : null,
      el("span", { class: "small muted" }, t("console.dead-facts", { message: one.message, publisher: one.published_by || t("console.dead-nobody"), attempts: one.attempts || t("console.dead-unknown"), times: one.times_redriven })),
      one.redrive ? el("span", { class: "small" }, t("console.dead-unfinished", { operator: one.redrive.operator, time: time(one.redrive.redriven_at), reason: one.redrive.reason })) : null,
      one.not_redriven_because ? el("span", { class: "small" }, t("console.dead-evidence", { reason: one.not_redriven_because })) : null,
      el("details", {}, el("summary", { "aria-label": t("console.dead-content-of", { message: about }) }, t("console.dead-content")), el("pre", { class: "small scroll", tabindex: "0" }, content(one)),
        one.correlation_id ? el("p", { class: "small" }, el("a", { href: searchAddress(one.message) }, t("console.dead-trace"))) : null)),
    may("dead-letters:write") && !one.not_redriven_because ? actionButton(t(one.redrive ? "console.finish" : "console.redrive"), t(one.redrive ? "console.finish-about" : "console.redrive-about", { message: about, queue }), () => redrive(service, one, queue, refresh), { quiet: false }) : null);
}

/** A stranger may have written it: it is text, and stays it. */
function content(one) {
  let text = one.body;
  try {
    if (!one.is_cut) text = JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    // It is shown as it is.
  }
  return `${text}${one.is_cut ? "\n…" : ""}`;
}

const redrive = (service, one, queue, done) => ({
  title: t("console.redrive-title"), yes: t("console.redrive"), danger: false, done,
  touches: [[t("console.queue"), queue], [t("console.message"), one.message], [t("console.because"), one.code ? nameOf("console-dead", one.code) : t("console.dead-unknown")], [t("console.redriven-before"), t("console.times", { count: one.times_redriven })]],
  effect: t("console.redrive-effect"),
  send: async ({ reason, key }) => {
    const result = await postSurely(path`/v1/operator/${service}/dead-letters/${one.dead_letter}/redrive`, { queue, reason }, key);
    return t(result.is_removed ? "console.redrive-done" : "console.redrive-waits");
  },
});
