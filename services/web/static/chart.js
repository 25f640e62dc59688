// A chart of our own: earnings by day as bars, with the same numbers in a table.
import { el, empty, svg, table } from "./dom.js";
import { number } from "./words.js";

const DAYS = 14;
const WIDTH = 1000;
const HEIGHT = 220;
const FOOT = 26;
const SIDE = 84;
const DAY_MS = 86_400_000;

/** Sum what was earned by day (of the person's own clock), the last two weeks. */
export function byDay(gifts, now = new Date()) {
  const first = new Date(now.getFullYear(), now.getMonth(), now.getDate() - DAYS + 1);
  const days = Array.from({ length: DAYS }, (_, index) => ({ date: new Date(first.getFullYear(), first.getMonth(), first.getDate() + index), diamonds: 0 }));
  for (const gift of gifts) {
    const index = Math.floor((Number(new Date(gift.earned_at)) - Number(first)) / DAY_MS);
    if (days[index]) days[index].diamonds += gift.diamonds;
  }
  return days;
}

/** A round number at or above the highest bar. */
export function ceiling(highest) {
  const power = 10 ** Math.floor(Math.log10(Math.max(highest, 10)));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((top) => top >= highest) ?? 10 * power;
}

export function chart(gifts) {
  const days = byDay(gifts);
  const total = days.reduce((sum, day) => sum + day.diamonds, 0);
  if (!total) return empty("Nothing in the last two weeks", "The diamonds of each day show up here.");
  const label = (date) => date.toLocaleDateString("en", { day: "numeric", month: "short" });
  return el("div", { class: "chart" },
    el("figure", {}, draw(days, label), el("figcaption", { class: "small muted" }, `${number(total)} diamonds in the last ${DAYS} days, less what was taken back`)),
    el("details", {}, el("summary", {}, "The same as a table"),
      table("Diamonds by day", [{ title: "Day" }, { title: "Diamonds", number: true }], days.map((day) => [label(day.date), number(day.diamonds)]))));
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
      svg("title", {}, `${label(day.date)}: ${number(day.diamonds)} diamonds`)),
    index % 3 === 1 ? svg("text", { x: SIDE + (index + 0.5) * step, y: HEIGHT - 4, "text-anchor": "middle" }, label(day.date)) : ""));
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "Diamonds by day, as bars; a table with the same numbers follows" }, lines, bars);
}
