// The operator's page: is everything well, what waits for a decision, what is on offer.
import { books } from "./books.js";
import { catalogueEditor } from "./editor.js";
import { disputes } from "./disputes.js";
import { get, path } from "./api.js";
import { $, el, empty, show } from "./dom.js";
import { reviews } from "./reviews.js";
import { card, start } from "./shell.js";
import { time, words } from "./words.js";

const COMMANDS = [
  ["dlq ls", "Dead letters: which queues have some, and why"],
  ["outbox ls", "What waits to be announced, since when, behind which blocked key"],
  ["verify wallet", "Derive every balance again from the postings (payout as well)"],
  ["reconcile", "Compare the services with each other, hour by hour"],
];

start(async () => {
  show($("main"), el("h1", { class: "page-title" }, "Operations"),
    el("div", { class: "columns two" },
      card("Health and books", books, { className: "across" }),
      reviews(),
      card("At the terminal", commands),
      disputes({ className: "across" }),
      catalogueEditor({ className: "across" }),
      card("What operators did", audit, { className: "across" })));
}, { role: "operator", title: "Operations" });

/** These look into the broker and the databases, which no page may: so it says how. */
function commands() {
  return [
    el("p", { class: "muted" }, "Dead letters and outboxes are looked at where the servers are, not over the public gateway:"),
    el("ul", { class: "stack" }, COMMANDS.map(([command, text]) => el("li", {}, el("code", {}, `ovationctl ${command}`), el("p", { class: "small muted" }, text)))),
  ];
}

async function audit() {
  const services = ["wallet", "payout", "gift", "purchase"];
  const found = await Promise.all(services.map(async (service) => (await get(path`/v1/operator/${service}/audit?reads=false&limit=20`)).items.map((line) => ({ ...line, service }))));
  const lines = found.flat().sort((a, b) => (a.at < b.at ? 1 : -1)).slice(0, 30);
  if (!lines.length) return empty("Nothing yet", "Every decision is kept here, for good, with its reason.");
  return el("ul", { class: "lines" }, lines.map((line) => el("li", {}, el("span", { class: "tag" }, line.service),
    el("span", { class: "grow" }, el("strong", {}, `${words(line.action)}: ${line.user}`), el("span", { class: "small muted" }, `${line.operator}, ${time(line.at)}: ${line.reason}`)))));
}
