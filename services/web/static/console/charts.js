// Small charts of what all people do together: coins by the hour, and how long gifts take.
import { get } from "../api.js";
import { ceiling } from "../chart.js";
import { el, empty, svg, table } from "../dom.js";
import { locale, number, t } from "../language.js";
import { time } from "../words.js";
import { numbers, texts } from "./columns.js";

const WIDTH = 1000;
const HEIGHT = 220;
const FOOT = 34;
const SIDE = 120;
const LABELS = 6;
const MINUTE = 60_000;
const MINUTES = 60;

/** @typedef {{label: string, values: number[], title: string}} Slot One moment of a chart, and what stood then. */

/** A number of an axis, which has little room: 1,250,000 is 1.3M. */
const round = (/** @type {number} */ amount) => amount.toLocaleString(locale, { notation: "compact" });

/** @param {string} moment */
const clock = (moment) => new Date(moment).toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit", hour12: false });

/** Both charts; each says by itself that there is nothing to draw. */
export async function charts() {
  const [flow, latency] = await Promise.all([get("/v1/operator/wallet/flow"), get("/v1/operator/gift/latency")]);
  return el("div", { class: "chart-pair" },
    el("div", {}, el("h3", {}, t("console.flow")), coinFlow(flow.hours)), el("div", {}, el("h3", {}, t("console.latency")), giftLatency(latency)));
}

/** @param {Schema<"FlowHour">[]} hours */
function coinFlow(hours) {
  const sum = (/** @type {"bought_coins" | "given_coins"} */ field) => hours.reduce((total, hour) => total + hour[field], 0);
  const [bought, given] = [sum("bought_coins"), sum("given_coins")];
  if (!bought && !given) return empty(t("console.flow-none"), t("console.flow-none-text"));
  const name = (/** @type {Schema<"FlowHour">} */ hour) => (hour.closed ? time(hour.begins_at) : t("console.so-far", { hour: time(hour.begins_at) }));
  const facts = t("console.flow-sum", { bought, given, since: time(hours[0]?.begins_at) });
  return chart({
    facts, slots: hours.map((hour) => ({ label: clock(hour.begins_at), values: [hour.bought_coins, hour.given_coins], title: t("console.flow-bar", { hour: name(hour), bought: hour.bought_coins, given: hour.given_coins }) })),
    series: [t("console.bought"), t("console.given")],
    rows: table(t("console.flow-table"), [...texts("console.hour"), ...numbers("console.bought", "console.given")], hours.map((hour) => [name(hour), number(hour.bought_coins), number(hour.given_coins)])),
  });
}

/** @param {Schema<"GiftLatency">} latency */
function giftLatency({ as_of, minutes }) {
  const last = minutes.at(-1);
  if (!last) return empty(t("console.latency-none"), t("console.latency-none-text"));
  const known = new Map(minutes.map((each) => [Date.parse(each.begins_at), each]));
  const end = Math.floor(Date.parse(as_of) / MINUTE) * MINUTE;
  // A minute without gifts is a gap.
  const slots = Array.from({ length: MINUTES }, (_, index) => {
    const begins = end - (MINUTES - index) * MINUTE;
    const found = known.get(begins);
    const label = clock(new Date(begins).toISOString());
    return { label, values: found ? [found.p95_ms, found.p50_ms] : [0, 0], title: found ? t("console.latency-bar", { minute: label, half: found.p50_ms, slow: found.p95_ms }) : label };
  });
  return chart({
    facts: t("console.latency-last", { minute: clock(last.begins_at), half: last.p50_ms, slow: last.p95_ms }), slots,
    series: [t("console.slow"), t("console.half")], isNested: true,
    rows: table(t("console.latency-table"), [...texts("console.minute"), ...numbers("console.half", "console.slow", "console.gifts-sampled")],
      [...minutes].reverse().map((each) => [clock(each.begins_at), number(each.p50_ms), number(each.p95_ms), number(each.gifts)])),
  });
}

/**
 * Bars, what they come to in words, which is which, and the same numbers in a table.
 * @param {{facts: string, slots: Slot[], series: string[], rows: HTMLElement, isNested?: boolean}} what
 */
function chart({ facts, slots, series, rows, isNested = false }) {
  return el("div", { class: "chart" },
    el("figure", {}, draw(slots, isNested, facts), el("figcaption", { class: "small" }, series.map((name, index) => el("span", { class: "key" }, el("span", { class: `swatch series-${index}`, "aria-hidden": "true" }), name)), el("span", { class: "muted" }, facts))),
    el("details", {}, el("summary", {}, t("chart.table")), rows));
}

/**
 * @param {Slot[]} slots
 * @param {boolean} isNested
 * @param {string} label
 */
function draw(slots, isNested, label) {
  const top = ceiling(Math.max(...slots.flatMap((slot) => slot.values)));
  const inner = HEIGHT - FOOT - 12;
  const step = (WIDTH - SIDE) / slots.length;
  const high = (/** @type {number} */ amount) => (amount / top) * inner;
  const lines = [0, top / 2, top].map((amount) => svg("g", {},
    svg("line", { x1: SIDE, x2: WIDTH, y1: 12 + inner - high(amount), y2: 12 + inner - high(amount), class: "chart-line" }),
    svg("text", { x: SIDE - 10, y: 20 + inner - high(amount), "text-anchor": "end" }, round(amount))));
  const every = Math.ceil(slots.length / LABELS);
  const bars = slots.map((slot, index) => svg("g", {},
    svg("title", {}, slot.title),
    slot.values.map((amount, place) => svg("rect", { x: SIDE + index * step + step * (isNested ? 0.15 : 0.1 + 0.4 * place), width: step * (isNested ? 0.7 : 0.4), y: 12 + inner - high(amount), height: high(amount), class: `series-${place}` })),
    index % every === Math.floor(every / 2) ? svg("text", { x: SIDE + (index + 0.5) * step, y: HEIGHT - 4, "text-anchor": "middle" }, slot.label) : ""));
  // Time runs from the left to the right here, whichever way the page is written.
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, direction: "ltr", role: "img", "aria-label": label }, lines, bars);
}
