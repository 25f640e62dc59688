// How the services' work stands: queues, dead letters, outboxes, and what is overdue.
import { get, path } from "../api.js";
import { el, icon, table } from "../dom.js";
import { sentence } from "../shell.js";
import { fromNow, number, plural, words } from "../words.js";
import { command, runbook } from "./runbooks.js";
import { sparkline } from "./sparkline.js";

export const SERVICES = [
  ["purchase", "Purchase", "real money becomes coins"], ["wallet", "Wallet", "who holds how many coins"], ["gift", "Gift", "what viewers send"],
  ["payout", "Payout", "diamonds become money"], ["live", "Live", "what a room sees"], ["webhooks", "Webhooks", "events for teams without a broker"],
];
// An outbox is emptied at once; what is older waits for something.
const OUTBOX_SECONDS_MAX = 60;
const history = [];

/**
 * Ask every service; one that does not answer says why.
 * @returns {Promise<{service: string, name: string, state: any, error: any}[]>}
 */
export const readOperations = () => Promise.all(SERVICES.map(async ([service, name]) => {
  try {
    return { service, name, state: await get(path`/v1/operator/${service}/operations`), error: null };
  } catch (error) {
    return { service, name, state: null, error };
  }
}));

export async function operations() {
  const answers = await readOperations();
  const states = answers.filter((answer) => answer.state);
  const queues = states.flatMap((answer) => answer.state.queues);
  history.push(queues.reduce((sum, queue) => sum + (queue.waiting ?? 0), 0));
  return [
    el("p", { class: "row" }, el("span", {}, `${plural(history.at(-1), "message waits", "messages wait")} in ${plural(queues.length, "queue")}`), sparkline(history, "Messages that waited, since this page was opened")),
    table("Work of the services", [{ title: "Service" }, { title: "To publish", number: true }, { title: "Waiting", number: true }, { title: "Dead letters", number: true }, { title: "Overdue", number: true }],
      answers.map(row)),
    el("details", {}, el("summary", {}, "By queue, and by type of work"),
      table("Queues", [{ title: "Queue" }, { title: "Waiting", number: true }, { title: "Dead letters", number: true }], queues.map((queue) => [queue.queue, known(queue.waiting), known(queue.dead_letters)])),
      table("Work that waits for an outcome", [{ title: "Work" }, { title: "Where it stands" }, { title: "Overdue", number: true }],
        states.flatMap((answer) => answer.state.work.map((work) => [words(work.type), Object.entries(work.states).map(([state, count]) => `${number(count)} ${state}`).join(", "), number(work.overdue)])))),
    atTheTerminal(),
  ];
}

const known = (count) => (count === null ? "no answer" : number(count));
const sum = (items, field) => (items.length && items.every((item) => item[field] === null) ? null : items.reduce((total, item) => total + (item[field] ?? 0), 0));

const row = ({ name, state, error }) => (error ? [name, el("span", { class: "tag bad" }, sentence(error)), "", "", ""] : [
  name, `${number(state.outbox.waiting)}${state.outbox.oldest_at ? `, since ${fromNow(state.outbox.oldest_at)}` : ""}`,
  known(sum(state.queues, "waiting")), known(sum(state.queues, "dead_letters")), number(state.work.reduce((total, work) => total + work.overdue, 0)),
]);

/** What a page cannot do: it has no rights at the broker. So it says what to type, and where that is explained. */
const atTheTerminal = () => el("details", {}, el("summary", {}, "At the terminal"),
  el("p", { class: "small muted" }, "Whatever shows or moves messages needs the operator's own right at the broker, which no page has."),
  el("ul", { class: "stack" }, [
    ["dlq ls", "which queues have dead letters, and why", "growing-dlq"], ["outbox ls", "what waits to be published, and what blocks it", "undelivered-events"],
    ["topology check", "whether queues and rights are as the code says", "broker-lost"], ["team ls", "which teams read which events", "undelivered-events"],
    ["verify wallet", "derives every balance again from the postings", "imbalance"], ["reconcile", "compares the services with each other", "imbalance"],
  ].map(([verb, text, page]) => el("li", {}, command(`ovationctl ${verb}`), el("span", { class: "small muted" }, ` ${text}. `), runbook(page)))));

/** What is wrong with the work of the services: in words, with what to do. */
export function troubles(answers) {
  return answers.flatMap(({ service, name, state, error }) => {
    if (error) return [{ text: `${name} does not answer: ${sentence(error)}`, page: "slow-service" }];
    return [
      ...state.queues.filter((queue) => queue.dead_letters).map((queue) => ({ text: `${plural(queue.dead_letters, "dead letter")} of ${queue.queue}`, page: "growing-dlq", verb: `ovationctl dlq show ${queue.queue}` })),
      ...(state.queues.some((queue) => queue.dead_letters === null) ? [{ text: `${name} cannot ask the broker`, page: "broker-lost" }] : []),
      ...state.outbox.blocked.map((each) => ({ text: `${name}: the broker refuses a message, ${plural(each.behind, "message waits", "messages wait")} with it: ${each.reason}`, page: "growing-dlq", verb: `ovationctl outbox ls ${service}` })),
      ...(state.outbox.oldest_at && Date.now() - Number(new Date(state.outbox.oldest_at)) > OUTBOX_SECONDS_MAX * 1000 ? [{ text: `${name} has events to publish since ${fromNow(state.outbox.oldest_at)}`, page: "broker-lost", verb: `ovationctl outbox ls ${service}` }] : []),
      ...state.work.filter((work) => work.overdue).map((work) => ({ text: `${name}: ${plural(work.overdue, `${words(work.type).toLowerCase()} is`, `${words(work.type).toLowerCase()}s are`)} overdue`, page: "overdue-work" })),
    ];
  });
}

export const good = (text) => el("p", {}, el("span", { class: "tag good" }, icon("check"), text));
