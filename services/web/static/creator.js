// The creator's page: what was earned, when it can be paid out, and who made it possible.
import { get } from "./api.js";
import { ownChart } from "./chart.js";
import { $, diamonds, el, empty, icon, show } from "./dom.js";
import { earningsCard } from "./earnings.js";
import { nameOf, parts, t } from "./language.js";
import { payouts } from "./payouts.js";
import { who } from "./people.js";
import { received } from "./received.js";
import { card, start } from "./shell.js";
import { statements } from "./statements.js";
import { ownRooms, streams } from "./streams.js";
import { studio } from "./studio.js";
import { terms } from "./terms.js";
import { day, fromNow, money } from "./words.js";

start(async (person) => {
  const rooms = ownRooms();
  const { goals, perks, supporters } = studio(rooms);
  const mine = card(t("creator.diamonds"), figures, { className: "across", id: "diamonds" });
  show($("main"), el("h1", { class: "page-title" }, parts("creator.hello", { name: who(person.user) })),
    el("div", { class: "columns two" },
      mine,
      card(t("chart.title"), ownChart, { className: "across" }),
      el("div", { class: "column" }, streams(rooms, person), earningsCard(), goals, perks),
      el("div", { class: "column" }, payouts(person, () => mine.refresh()), card(t("hold.title"), unlocking, { id: "holds" }),
        statements(), card(t("creator.terms"), terms), supporters),
      received()));
}, { role: "creator", title: t("creator.title") });

async function figures() {
  const [mine, { minimum }] = await Promise.all([get("/v1/earnings/me"), get("/v1/payouts/limits")]);
  const tile = (name, amount, text, className) => el("li", { class: `tile ${className}` },
    el("span", { class: "small" }, name), el("span", { class: "figure" }, diamonds(amount)), el("span", { class: "small muted" }, text));
  return el("ul", { class: "tiles" },
    tile(t("creator.available"), mine.available_diamonds, worth(mine, minimum), "main"),
    tile(t("creator.pending"), mine.pending_diamonds, t(mine.pending_diamonds ? "creator.pending-some" : "creator.pending-none")),
    tile(t("creator.reserved"), mine.reserved_diamonds, t("creator.reserved-text")),
    tile(t("creator.lifetime"), mine.lifetime_diamonds, t("creator.lifetime-text")));
}

/** What can be done with the available diamonds, in words. */
function worth({ available_diamonds: available, value }, { diamonds: least, missing_diamonds: missing }) {
  const amount = money(value.amount_minor, value.currency);
  if (!available) return t("creator.available-none", { least });
  if (missing) return value.amount_minor ? t("creator.available-some", { amount, count: missing }) : t("creator.available-few", { count: missing });
  return t("creator.available-ready", { amount });
}

async function unlocking() {
  const { holds } = await get("/v1/earnings/me");
  if (!holds.length) return empty(t("hold.none"), t("hold.none-text"));
  return el("ol", { class: "lines" }, holds.map((hold) => el("li", {},
    icon("clock"), el("span", { class: "grow" }, el("strong", {}, t("hold.until", { day: day(hold.unlocks_at), when: fromNow(hold.unlocks_at) })),
      el("span", { class: "small muted" }, nameOf("hold", hold.reason))), diamonds(hold.diamonds))));
}
