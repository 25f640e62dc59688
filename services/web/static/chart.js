// A chart of our own: earnings by day as bars, with the same numbers in a table.
import { get, path } from "./api.js";
import { el, empty, svg, table } from "./dom.js";
import { locale, number, t } from "./language.js";

const DAYS = 14;
const WIDTH = 1000;
const HEIGHT = 220;
const FOOT = 26;
const SIDE = 84;
const PAGE = 100;
// A creator with more gifts than this in two weeks sees the newest of them, and is told so.
const PAGES = 5;

const dayOf = (date, back = 0) => new Date(date.getFullYear(), date.getMonth(), date.getDate() - back);

/** Sum what was earned by day (of the person's own clock), the last two weeks. */
export function byDay(gifts, now = new Date()) {
  const days = Array.from({ length: DAYS }, (_, index) => ({ date: dayOf(now, DAYS - 1 - index), diamonds: 0 }));
  for (const gift of gifts) {
    const date = Number(dayOf(new Date(gift.earned_at)));
    const found = days.find((day) => Number(day.date) === date);
    if (found) found.diamonds += gift.diamonds;
  }
  return days;
}

/** A round number at or above the highest bar. */
export function ceiling(highest) {
  const power = 10 ** Math.floor(Math.log10(Math.max(highest, 10)));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((top) => top >= highest) ?? 10 * power;
}

/** The gifts of the last two weeks, the newest first, and whether there are more than were read. */
async function lately() {
  const first = Number(dayOf(new Date(), DAYS - 1));
  const gifts = [];
  let cursor = null;
  for (let read = 0; read < PAGES; read += 1) {
    const page = await get(cursor ? path`/v1/earnings/me/gifts?limit=${PAGE}&cursor=${cursor}` : path`/v1/earnings/me/gifts?limit=${PAGE}`);
    gifts.push(...page.items);
    cursor = page.next_cursor;
    if (!cursor || Date.parse(page.items.at(-1).earned_at) < first) return { gifts, isWhole: true };
  }
  return { gifts, isWhole: false };
}

/** The chart of the creator who looks at it. */
export async function ownChart() {
  const { gifts, isWhole } = await lately();
  return chart(gifts, isWhole);
}

export function chart(gifts, isWhole = true) {
  const days = byDay(gifts);
  const total = days.reduce((sum, day) => sum + day.diamonds, 0);
  if (!total) return empty(t("chart.none"), t("chart.none-text"));
  const label = (date) => date.toLocaleDateString(locale, { day: "numeric", month: "short" });
  return el("div", { class: "chart" },
    el("figure", {}, draw(days, label), el("figcaption", { class: "small muted" }, isWhole ? t("chart.total", { count: total, days: DAYS }) : t("chart.newest", { count: total, gifts: gifts.length }))),
    el("details", {}, el("summary", {}, t("chart.table")),
      table(t("chart.by-day"), [{ title: t("chart.day") }, { title: t("chart.diamonds"), number: true }], days.map((day) => [label(day.date), number(day.diamonds)]))));
}

function draw(days, label) {
  const top = ceiling(Math.max(...days.map((day) => day.diamonds)));
  const inner = HEIGHT - FOOT - 8;
  const step = (WIDTH - SIDE) / days.length;
  const y = (amount) => 8 + inner - (amount / top) * inner;
  const lines = [0, top / 2, top].map((amount) => svg("g", {},
    svg("line", { x1: SIDE, x2: WIDTH, y1: y(amount), y2: y(amount), class: "chart-line" }),
    svg("text", { x: SIDE - 8, y: y(amount) + 4, "text-anchor": "end" }, number(amount))));
  const bars = days.map((day, index) => svg("g", {},
    svg("rect", { x: SIDE + index * step + step * 0.18, width: step * 0.64, y: y(Math.max(day.diamonds, 0)), height: Math.max(0, y(0) - y(Math.max(day.diamonds, 0))), rx: 4, class: index === days.length - 1 ? "bar today" : "bar" },
      svg("title", {}, t("chart.bar", { day: label(day.date), count: day.diamonds }))),
    index % 3 === 1 ? svg("text", { x: SIDE + (index + 0.5) * step, y: HEIGHT - 4, "text-anchor": "middle" }, label(day.date)) : ""));
  // Time runs from the left to the right here, whichever way the page is written.
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, direction: "ltr", role: "img", "aria-label": t("chart.name") }, lines, bars);
}
