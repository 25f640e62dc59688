// Every event that other teams can read, with a search: drawn from the AsyncAPI document.
import { $, el, show, table } from "./dom.js";
import { parts, t } from "./language.js";
import { bar, failed } from "./shell.js";

const SCHEMA = "#/components/schemas/";
const COLUMNS = [t("events.field"), t("events.type"), t("events.unit"), t("events.present"), t("events.meaning")].map((title) => ({ title }));
// What the document itself says is English.
const ENGLISH = { lang: "en", dir: "ltr" };

bar();
fetch("/asyncapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(t("events.unreadable")))))
  .then(draw)
  .catch(failed);

function draw(whole) {
  const search = el("input", { type: "search", name: "search", maxlength: 100, autocomplete: "off", placeholder: t("events.search-for"), ...ENGLISH });
  const found = el("p", { class: "muted", role: "status" });
  const sections = whole.info.tags.map((tag) => section(tag.name, whole)).filter((each) => each.events.length);
  const events = sections.flatMap((each) => each.events);
  const filter = () => {
    const wanted = search.value.toLowerCase().split(/\s+/);
    for (const each of events) each.node.hidden = !wanted.every((word) => each.text.includes(word));
    for (const each of sections) each.node.hidden = each.events.every((event) => event.node.hidden);
    const count = events.filter((each) => !each.node.hidden).length;
    show(found, count === events.length ? t("events.all", { count }) : t("events.some", { count, all: events.length }));
  };
  search.addEventListener("input", filter);
  show($("main"), el("h1", { class: "page-title" }, t("page:events")), introduction(whole),
    el("div", { class: "search" }, el("label", { class: "field" }, t("events.search"), search), found),
    sections.map((each) => each.node));
  filter();
  openNamed();
  addEventListener("hashchange", openNamed);
}

const introduction = (whole) => el("div", { class: "stack" }, el("p", ENGLISH, prose(whole.info.description)),
  el("p", { class: "row" }, el("a", { href: "/asyncapi.json" }, t("events.document")), el("a", { href: "/events.md" }, t("events.one-page")),
    el("a", { href: "/docs" }, t("page:docs"))));

function section(service, whole) {
  const messages = Object.entries(whole.components.messages).filter(([, message]) => message.tags[0].name === service);
  const events = messages.map(([key, message]) => event(key, message, whole));
  return { events, node: el("section", { "aria-label": service }, el("h2", {}, service), events.map((each) => each.node)) };
}

/** One event, whose details are drawn when it is opened for the first time. */
function event(key, message, whole) {
  const schema = whole.components.schemas[key];
  const pieces = partsOf(schema, whole);
  const name = key.replace(/\.v1$/, "").replace(/\.(v\d+)$/, " $1");
  const body = el("div", { class: "stack event-body" });
  const node = el("details", { id: key, class: "card event" },
    el("summary", {}, el("code", {}, name), " ", el("span", ENGLISH, prose(message.summary))), body);
  node.addEventListener("toggle", () => {
    if (node.open && !body.hasChildNodes()) show(body, details(key, message, schema, pieces, whole));
  });
  const text = [key, message.description, words(schema), ...pieces.map(([part, one]) => `${part} ${words(one)}`)];
  return { node, text: text.join(" ").toLowerCase() };
}

function details(key, message, schema, pieces, whole) {
  const [example] = message.examples;
  const queues = Object.entries(whole.operations).filter(([, one]) => one.action === "receive" && ofMessage(one, key))
    .map(([operation]) => operation.split(".hears.")[0]);
  return [
    message.description === message.summary ? null : el("p", ENGLISH, prose(message.description)),
    el("ul", {}, fact(t("events.type"), message.name), fact(t("events.subject"), schema["x-ovation-subject"]), fact(t("events.partition-key"), schema["x-ovation-partition-key"]),
      fact(t("events.consumed-by"), queues.join(", ") || t("events.consumed-by-none")),
      el("li", {}, el("a", { href: new URL(example.payload.dataschema).pathname }, t("events.schema")), " · ", el("a", { href: `#${key}` }, t("events.link")))),
    fields(key, schema, whole),
    pieces.flatMap(([part, one]) => [el("h3", {}, part), one.description ? el("p", ENGLISH, prose(one.description)) : null, fields(part, one, whole)]),
    el("h3", {}, t("events.example")),
    el("pre", { tabindex: "0", role: "region", "aria-label": t("events.example-of", { event: key }) }, JSON.stringify(example.payload, null, 2)),
  ];
}

const fact = (name, value) => el("li", {}, parts("events.fact", { name, value: el("code", {}, value) }));
const ofMessage = (operation, key) => operation.messages.some(({ $ref }) => {
  const [, name, version] = $ref.match(/^#\/channels\/(.*)\/messages\/(v\d+)$/);
  return `${name}.${version}` === key;
});

const fields = (name, schema, whole) => table(t("events.fields-of", { name }), COLUMNS, Object.entries(schema.properties).map(([field, value]) => [
  el("code", {}, field), kind(value, whole), plain(value)["x-unit"] ?? "", present(schema, field, value), el("span", ENGLISH, prose(value.description ?? "")),
]));

function present(schema, field, value) {
  if (schema.required?.includes(field)) return t("events.always");
  return value.default === null || value.default === undefined ? t("events.optional") : t("events.optional-else", { value: JSON.stringify(value.default) });
}

/** A value without what only says that it may be null. */
const plain = (value) => value.anyOf?.find((each) => each.type !== "null") ?? value;
const referred = (value) => (value.$ref ?? value.allOf?.[0]?.$ref)?.replace(SCHEMA, "");

function kind(given, whole) {
  const value = plain(given);
  const name = referred(value);
  if (value.items) return t("events.list-of", { type: kind(value.items, whole) });
  if (value.const !== undefined) return String(value.const);
  return whole.components.schemas[name]?.enum?.join(" · ") ?? name ?? value.format ?? value.type;
}

/** The parts a schema is made of, and theirs: each once. */
function partsOf(schema, whole, found = new Map()) {
  for (const given of Object.values(schema.properties ?? {})) {
    const value = plain(given);
    const name = referred(value.items ? plain(value.items) : value);
    const part = whole.components.schemas[name];
    if (!part?.properties || found.has(name)) continue;
    found.set(name, part);
    partsOf(part, whole, found);
  }
  return [...found];
}

const words = (schema) => Object.entries(schema.properties).map(([name, value]) => `${name} ${value.description ?? ""}`).join(" ");
/** Text whose names in backticks are shown as code. */
const prose = (text) => text.split("`").map((piece, index) => (index % 2 ? el("code", {}, piece) : piece));

/** An address may name an event: `/events#gift.sent`, or with its version `#gift.sent.v1`. */
function openNamed() {
  const name = decodeURIComponent(location.hash.slice(1));
  const node = document.getElementById(name) ?? document.getElementById(`${name}.v1`);
  if (!(node instanceof HTMLDetailsElement)) return;
  node.open = true;
  node.scrollIntoView();
}
