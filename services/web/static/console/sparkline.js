// A line as small as a word: how a number moved while the page was open.
import { ceiling } from "../chart.js";
import { svg } from "../dom.js";
import { t } from "../language.js";

const WIDTH = 120;
const HEIGHT = 28;
const POINTS_MAX = 60;

/** Draw the last values; fewer than two are no line. */
export function sparkline(values, label) {
  const shown = values.slice(-POINTS_MAX);
  if (shown.length < 2) return null;
  const top = ceiling(Math.max(...shown));
  const points = shown.map((value, index) => `${(index / (shown.length - 1)) * WIDTH},${HEIGHT - 2 - (value / top) * (HEIGHT - 4)}`);
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img", "aria-label": t("console.from-to", { label, first: shown[0], last: shown.at(-1) }) },
    svg("polyline", { points: points.join(" "), fill: "none", stroke: "currentColor", "stroke-width": 2 }));
}
