// How much one may cash out: what is left, what stands in the way and until when, and by itself.
import { get, put } from "./api.js";
import { reasonOf } from "./appeals.js";
import { el } from "./dom.js";
import { nameOf, t, titleOf } from "./language.js";
import { doing, open, sentence, toast } from "./shell.js";
import { fromNow, money, time } from "./words.js";

const KINDS = ["none", "weekly", "monthly", "above"];

/** What can be had now and why not more; nothing for those who may not ask at all. */
export async function allowance(limits) {
  const schedule = await get("/v1/payouts/schedule");
  const place = el("div", { class: "stack" });
  const draw = (chosen) => place.replaceChildren(...pieces(limits, chosen, draw));
  draw(schedule);
  return place;
}

function pieces(limits, schedule, draw) {
  const left = (name, limit) => el("div", {}, el("dt", {}, name),
    el("dd", {}, leftOf(limit, limits.currency)));
  return [
    limits.obstacles.length ? el("ul", { class: "lines", "aria-label": t("allowance.obstacles") }, limits.obstacles.map((each) => el("li", {}, el("span", { class: "grow" }, refusal(each), each.until ? el("span", { class: "small muted" }, t("allowance.until", { moment: time(each.until) })) : null)))) : null,
    limits.minimum.missing_diamonds ? el("p", { class: "small", id: "missing" }, t("allowance.missing", { count: limits.minimum.missing_diamonds })) : null,
    limits.review.length ? el("p", { class: "small muted" }, t("allowance.review", { reasons: limits.review.map(reasonOf).join(" ") })) : null,
    el("details", {}, el("summary", {}, t("limits.title")), el("dl", { class: "facts" },
      left(t("allowance.today"), limits.day), left(t("allowance.seven-days"), limits.seven_days),
      el("div", {}, el("dt", {}, t("allowance.requests")), el("dd", {}, t("allowance.left", { left: limits.requests_today.left, total: limits.requests_today.total }))),
      el("div", {}, el("dt", {}, t("limits.at-least")), el("dd", {}, t("amount.diamonds", { count: limits.minimum.diamonds }))))),
    el("div", { class: "row between" }, el("p", { class: "small" }, sayWhen(schedule)),
      el("button", { class: "tiny", id: "schedule", onclick: () => choose(schedule, draw) }, t("step.change"))),
  ].filter(Boolean);
}

function leftOf(limit, currency) {
  const about = { left: money(limit.left, currency), total: money(limit.total, currency) };
  return limit.used && limit.more_at ? t("allowance.left-more", { ...about, when: fromNow(limit.more_at) }) : t("allowance.left", about);
}

/** What a refusal says, by its code: in English at first, until its language is here. */
function refusal({ code, words }) {
  const place = el("span", {}, words);
  titleOf(code, words).then((title) => { place.textContent = title; });
  return place;
}

function sayWhen(schedule) {
  const when = nameOf("paid-out", schedule.kind);
  if (!schedule.next_at) return when;
  const next = t("allowance.next", { when, moment: time(schedule.next_at) });
  if (!schedule.last_refusal) return next;
  const place = el("span", {}, next);
  titleOf(schedule.last_refusal, schedule.last_refusal.replaceAll("-", " "))
    .then((reason) => { place.textContent = t("allowance.next-stopped", { next, reason }); });
  return place;
}

function choose(schedule, draw) {
  const kind = el("select", { name: "kind", onchange: () => fit() }, KINDS.map((value) => el("option", { value }, nameOf("schedule", value))));
  kind.value = schedule.kind;
  const threshold = el("input", { name: "threshold", type: "number", min: 1, max: 1_000_000_000_000, step: 1, inputmode: "numeric", value: schedule.threshold_diamonds ?? "" });
  const enough = el("label", { class: "field" }, t("allowance.threshold"), threshold);
  const fit = () => { enough.hidden = kind.value !== "above"; threshold.required = !enough.hidden; };
  fit();
  const fault = el("p", { class: "fault", role: "alert", hidden: true });
  const dialog = open(t("allowance.automatic"), [el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      doing(event.submitter ?? kind, async () => {
        try {
          const wanted = kind.value === "above" ? { kind: kind.value, threshold_diamonds: Number(threshold.value) } : { kind: kind.value };
          draw(await put("/v1/payouts/schedule", wanted));
          dialog.close();
          toast(t("allowance.noted"));
        } catch (error) {
          fault.hidden = false;
          fault.textContent = sentence(error);
        }
      });
    },
  }, el("label", { class: "field" }, t("allowance.when"), kind), enough, fault, el("footer", {}, el("button", { class: "primary" }, t("step.save"))))]);
  kind.focus();
}
