// How the services' work stands: queues, dead letters, outboxes, and what is overdue.
import { get, path } from "../api.js";
import { el, icon, table } from "../dom.js";
import { nameOf, t } from "../language.js";
import { sentence } from "../shell.js";
import { fromNow, number } from "../words.js";
import { may } from "./access.js";
import { numbers, texts } from "./columns.js";
import { command, runbook } from "./runbooks.js";
import { sparkline } from "./sparkline.js";
import { together } from "./together.js";

export const SERVICES = ["purchase", "wallet", "gift", "payout", "live", "webhooks"];
// An outbox is emptied at once; what is older waits for something.
const OUTBOX_SECONDS_MAX = 60;
const history = [];

/**
 * Ask every service; one that does not answer says why.
 * @returns {Promise<{service: string, name: string, state: any, error: any}[]>}
 */
export const readOperations = together(() => Promise.all(SERVICES.map(async (service) => {
  const name = nameOf("console-service", service);
  try {
    return { service, name, state: await get(path`/v1/operator/${service}/operations`), error: null };
  } catch (error) {
    return { service, name, state: null, error };
  }
})));

export async function operations() {
  const answers = await readOperations();
  const states = answers.filter((answer) => answer.state);
  const queues = states.flatMap((answer) => answer.state.queues);
  history.push(queues.reduce((sum, queue) => sum + (queue.waiting ?? 0), 0));
  return [
    el("p", { class: "row" }, el("span", {}, t("console.messages-wait", { count: history.at(-1) ?? 0, queues: queues.length })), sparkline(history, t("console.messages-chart"))),
    table(t("console.work"), [...texts("console.service"), ...numbers("console.to-publish", "console.waiting", "console.dead-letters", "console.overdue")], answers.map(row)),
    el("details", {}, el("summary", {}, t("console.by-queue")),
      table(t("console.queues"), [...texts("console.queue"), ...numbers("console.waiting", "console.dead-letters")], queues.map((queue) => [queue.queue, known(queue.waiting), known(queue.dead_letters)])),
      table(t("console.work-waits"), [...texts("console.work-type", "console.where-it-stands"), ...numbers("console.overdue")],
        states.flatMap((answer) => answer.state.work.map((work) => [nameOf("console-work", work.type), standing(work.states), number(work.overdue)])))),
    atTheTerminal(),
  ];
}

const standing = (states) => Object.entries(states).map(([state, count]) => t("console.count-of", { number: count, name: nameOf("console-state", state) })).join(", ");
const known = (count) => (count === null ? t("console.no-answer") : number(count));
const sum = (items, field) => (items.length && items.every((item) => item[field] === null) ? null : items.reduce((total, item) => total + (item[field] ?? 0), 0));

const row = ({ name, state, error }) => (error ? [name, el("span", { class: "tag bad" }, sentence(error)), "", "", ""] : [
  name, state.outbox.oldest_at ? t("console.number-since", { number: state.outbox.waiting, since: fromNow(state.outbox.oldest_at) }) : number(state.outbox.waiting),
  known(sum(state.queues, "waiting")), known(sum(state.queues, "dead_letters")), number(state.work.reduce((total, work) => total + work.overdue, 0)),
]);

/** What a page cannot do: it has no rights at the broker. So it says what to type, and where that is explained. */
const atTheTerminal = () => el("details", {}, el("summary", {}, t("console.terminal")),
  el("p", { class: "small muted" }, t("console.terminal-why")),
  el("ul", { class: "stack" }, [
    ["dlq ls", t("console.terminal-dlq"), "growing-dlq"], ["outbox ls", t("console.terminal-outbox"), "undelivered-events"],
    ["topology check", t("console.terminal-topology"), "broker-lost"], ["team ls", t("console.terminal-team"), "undelivered-events"],
    ["verify wallet", t("console.terminal-verify"), "imbalance"], ["reconcile", t("console.terminal-reconcile"), "imbalance"],
  ].map(([verb, text, page]) => el("li", {}, command(`ovationctl ${verb}`), " ", el("span", { class: "small muted" }, text), " ", runbook(page)))));

/** Disputes say themselves which evidence is due, to those who may read them. */
const isSeenOtherwise = (work) => work.type === "dispute-evidence" && may("disputes:read");

/** What is wrong with the work of the services: in words, with what to do. */
export function troubles(answers) {
  return answers.flatMap(({ service, name, state, error }) => {
    if (error) return [{ text: t("console.service-down", { service: name, problem: sentence(error) }), page: "slow-service" }];
    const oldest = state.outbox.oldest_at;
    return [
      ...state.queues.filter((queue) => queue.dead_letters).map((queue) => ({ text: t("console.dead-letters-of", { count: queue.dead_letters, queue: queue.queue }), page: "growing-dlq", ...(may("dead-letters:read") ? { href: "#dead-letters" } : { verb: `ovationctl dlq show --queue ${queue.queue}` }) })),
      ...(state.queues.some((queue) => queue.dead_letters === null) ? [{ text: t("console.broker-silent", { service: name }), page: "broker-lost" }] : []),
      ...state.outbox.blocked.map((each) => ({ text: t("console.message-blocked", { count: each.behind, service: name, reason: each.reason }), page: "growing-dlq", verb: `ovationctl outbox ls ${service}` })),
      ...(oldest && Date.now() - Number(new Date(oldest)) > OUTBOX_SECONDS_MAX * 1000 ? [{ text: t("console.outbox-old", { service: name, since: fromNow(oldest) }), page: "broker-lost", verb: `ovationctl outbox ls ${service}` }] : []),
      ...state.work.filter((work) => work.overdue && !isSeenOtherwise(work)).map((work) => ({ text: t("console.work-overdue", { count: work.overdue, service: name, work: nameOf("console-work", work.type) }), page: work.type === "dispute-evidence" ? "dispute-evidence" : "overdue-work" })),
    ];
  });
}

export const good = (text) => el("p", {}, el("span", { class: "tag good" }, icon("check"), text));
