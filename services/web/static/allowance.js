// How much one may cash out: what is left, what stands in the way and until when, and by itself.
import { get, put } from "./api.js";
import { el } from "./dom.js";
import { doing, open, sentence, toast } from "./shell.js";
import { fromNow, money, number, time, words } from "./words.js";

const KINDS = [["none", "Only when I ask"], ["weekly", "Every week"], ["monthly", "Every month"], ["above", "Whenever there is enough"]];

/** What can be had now and why not more; nothing for those who may not ask at all. */
export async function allowance(limits) {
  const schedule = await get("/v1/payouts/schedule");
  const place = el("div", { class: "stack" });
  const draw = (chosen) => place.replaceChildren(...parts(limits, chosen, draw));
  draw(schedule);
  return place;
}

function parts(limits, schedule, draw) {
  const left = (name, limit) => el("div", {}, el("dt", {}, name),
    el("dd", {}, `${money(limit.left, limits.currency)} of ${money(limit.total, limits.currency)} left${limit.used && limit.more_at ? `, more ${fromNow(limit.more_at)}` : ""}`));
  return [
    limits.obstacles.length ? el("ul", { class: "lines", "aria-label": "What stands in the way" }, limits.obstacles.map((each) => el("li", {}, el("span", { class: "grow" }, each.words, each.until ? el("span", { class: "small muted" }, `Until ${time(each.until)}`) : null)))) : null,
    limits.minimum.missing_diamonds ? el("p", { class: "small", id: "missing" }, `${number(limits.minimum.missing_diamonds)} more diamonds, and you can cash out.`) : null,
    limits.review.length ? el("p", { class: "small muted" }, `A person would look at it first: ${limits.review.map((each) => each.words).join(" ")}`) : null,
    el("details", {}, el("summary", {}, "Your limits"), el("dl", { class: "facts" },
      left("Today", limits.day), left("In seven days", limits.seven_days),
      el("div", {}, el("dt", {}, "Requests today"), el("dd", {}, `${limits.requests_today.left} of ${limits.requests_today.total} left`)),
      el("div", {}, el("dt", {}, "At least"), el("dd", {}, `${number(limits.minimum.diamonds)} diamonds`)))),
    el("div", { class: "row between" }, el("p", { class: "small" }, sayWhen(schedule)),
      el("button", { class: "tiny", id: "schedule", onclick: () => choose(schedule, draw) }, "Change")),
  ].filter(Boolean);
}

function sayWhen(schedule) {
  // A kind that is newer than this page keeps its own name.
  const name = KINDS.find(([kind]) => kind === schedule.kind)?.[1] ?? words(schedule.kind);
  const when = `Paid out: ${name.charAt(0).toLowerCase()}${name.slice(1)}`;
  if (!schedule.next_at) return `${when}.`;
  const stopped = schedule.last_refusal ? ` The last one was not possible: ${schedule.last_refusal.replaceAll("-", " ")}.` : "";
  return `${when}, next ${time(schedule.next_at)}.${stopped}`;
}

function choose(schedule, draw) {
  const kind = el("select", { name: "kind", onchange: () => fit() }, KINDS.map(([value, name]) => el("option", { value }, name)));
  kind.value = schedule.kind;
  const threshold = el("input", { name: "threshold", type: "number", min: 1, max: 1_000_000_000_000, step: 1, inputmode: "numeric", value: schedule.threshold_diamonds ?? "" });
  const enough = el("label", { class: "field" }, "From so many diamonds on", threshold);
  const fit = () => { enough.hidden = kind.value !== "above"; threshold.required = !enough.hidden; };
  fit();
  const fault = el("p", { class: "fault", role: "alert", hidden: true });
  const dialog = open("Cash out automatically", [el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      doing(event.submitter ?? kind, async () => {
        try {
          const wanted = kind.value === "above" ? { kind: kind.value, threshold_diamonds: Number(threshold.value) } : { kind: kind.value };
          draw(await put("/v1/payouts/schedule", wanted));
          dialog.close();
          toast("Noted.");
        } catch (error) {
          fault.hidden = false;
          fault.textContent = sentence(error);
        }
      });
    },
  }, el("label", { class: "field" }, "When", kind), enough, fault, el("footer", {}, el("button", { class: "primary" }, "Save")))]);
  kind.focus();
}
