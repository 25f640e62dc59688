// Where a payout came from: its diamonds by viewer and by kind of coins, drawn and listed.
import { get, path, person } from "../api.js";
import { diamonds, el, svg, table } from "../dom.js";
import { nameOf, parts, t } from "../language.js";
import { open } from "../shell.js";
import { money, number } from "../words.js";
import { numbers, texts } from "./columns.js";

const PARTS_MAX = 1_000;
const VIEWERS_MAX = 8;
const WIDTH = 640;
const HEIGHT = 320;
const GAP = 6;
const BAR = 12;

/** Open the trace of a payout. */
export async function showTrace(creator, payout) {
  const found = await read(creator, payout);
  const flows = grouped(found.items);
  open(t("console.trace-title"), [
    el("p", {}, parts("console.trace-facts", { amount: el("strong", {}, money(found.amount_minor, found.currency)), diamonds: diamonds(found.diamonds), creator })),
    draw(flows),
    table(t("console.trace-table"), [...texts("console.viewer", "console.coins"), ...numbers("console.diamonds", "console.money")],
      flows.map((flow) => [flow.from, flow.to, number(flow.diamonds), money(flow.amount_minor, found.currency)])),
    found.traced_diamonds < found.diamonds ? el("p", { class: "small muted" }, t("console.trace-first", { traced: found.traced_diamonds, count: found.diamonds })) : null,
  ], [], { wide: true });
}

async function read(creator, payout) {
  const items = [];
  let found = null;
  let cursor = null;
  do {
    const address = path`/v1/operator/payouts/${person(creator)}/${payout}/trace?limit=100`;
    found = await get(cursor ? `${address}&cursor=${encodeURIComponent(cursor)}` : address);
    items.push(...found.items);
    cursor = found.next_cursor;
  } while (cursor && items.length < PARTS_MAX);
  return { ...found, items };
}

/** The largest viewers by name and the others together, each by the kind of coins they gave. */
function grouped(items) {
  const totals = new Map();
  for (const part of items) totals.set(giver(part), (totals.get(giver(part)) ?? 0) + part.diamonds);
  const named = new Set([...totals].sort((a, b) => b[1] - a[1]).slice(0, VIEWERS_MAX).map(([name]) => name));
  const flows = new Map();
  for (const part of items) {
    const from = named.has(giver(part)) ? giver(part) : t("console.all-others");
    const to = part.lot_kind ? nameOf("console-lot-coins", part.lot_kind) : nameOf("console-source", part.source);
    const flow = flows.get(`${from}\n${to}`) ?? { from, to, diamonds: 0, amount_minor: 0 };
    flow.diamonds += part.diamonds;
    flow.amount_minor += part.amount_minor;
    flows.set(`${from}\n${to}`, flow);
  }
  return [...flows.values()].sort((a, b) => b.diamonds - a.diamonds);
}

const giver = (part) => part.viewer ?? nameOf("console-source", part.source);

/** Viewers on the left, kinds of coins on the right, and what flowed between them. */
function draw(flows) {
  const all = flows.reduce((sum, flow) => sum + flow.diamonds, 0);
  if (!all) return null;
  const [left, right] = [stacked(flows, "from", all), stacked(flows, "to", all)];
  const bands = flows.map((flow) => {
    const thick = Math.max(1, (HEIGHT - GAP * VIEWERS_MAX) * flow.diamonds / all);
    const [from, to] = [left.get(flow.from), right.get(flow.to)];
    const [y, z] = [from.next + thick / 2, to.next + thick / 2];
    from.next += thick;
    to.next += thick;
    return svg("path", { d: `M ${BAR} ${y} C ${WIDTH / 2} ${y}, ${WIDTH / 2} ${z}, ${WIDTH - BAR} ${z}`, fill: "none", stroke: "currentColor", "stroke-opacity": .25, "stroke-width": thick });
  });
  const bars = (places, x) => [...places].map(([, place]) => svg("rect", { x, y: place.top, width: BAR, height: place.height, fill: "currentColor" }));
  const labels = (places, x, anchor) => [...places].map(([name, place]) => svg("text", { x, y: place.top + Math.min(place.height, 14), "text-anchor": anchor, "font-size": 12, fill: "currentColor" }, name));
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": t("console.trace-drawing"), width: "100%" },
    ...bands, ...bars(left, 0), ...bars(right, WIDTH - BAR), ...labels(left, BAR + 6, "start"), ...labels(right, WIDTH - BAR - 6, "end"));
}

/** @returns {Map<string, any>} */
function stacked(flows, side, all) {
  const places = new Map();
  for (const flow of flows) places.set(flow[side], (places.get(flow[side]) ?? 0) + flow.diamonds);
  let top = 0;
  return new Map([...places].map(([name, part]) => {
    const height = Math.max(1, (HEIGHT - GAP * VIEWERS_MAX) * part / all);
    const place = { top, height, next: top };
    top += height + GAP;
    return [name, place];
  }));
}
