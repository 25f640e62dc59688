// The creator's page: what was earned, when it can be paid out, and who made it possible.
import { all, get } from "./api.js";
import { chart } from "./chart.js";
import { $, coins, diamonds, el, empty, icon, show } from "./dom.js";
import { parts, t } from "./language.js";
import { payouts } from "./payouts.js";
import { avatar, called, who } from "./people.js";
import { card, start } from "./shell.js";
import { statements } from "./statements.js";
import { ownRoom, studio, thank } from "./studio.js";
import { terms } from "./terms.js";
import { day, fromNow, money, number, short, time, words } from "./words.js";

const REASONS = {
  standard: "Every gift waits a while, in case its payment is taken back.",
  "new-creator": "The first gifts of a new creator wait longer.",
  "funding-risk": "The bank warned about the payment behind it.",
  practice: "A practice system: nothing waits long.",
};
const GIFTS_PAGES = 5;

start(async (person) => {
  const room = ownRoom(person);
  const { stream, goals, perks, supporters } = studio(room);
  const mine = card("Your diamonds", figures, { className: "across" });
  const earned = all("/v1/earnings/me/gifts", GIFTS_PAGES);
  show($("main"), el("h1", { class: "page-title" }, parts("creator.hello", { name: who(person.user) })),
    el("div", { class: "columns two" },
      mine,
      card("Earned lately", async () => chart(await earned), { className: "across" }),
      el("div", { class: "column" }, stream, goals, perks),
      el("div", { class: "column" }, payouts(() => mine.refresh()), card("When diamonds unlock", unlocking), card("What you get", terms), statements(), supporters),
      card("Gifts you received", async () => received(await earned, await room), { className: "across" })));
}, { role: "creator", title: "Your studio" });

async function figures() {
  const mine = await get("/v1/earnings/me");
  const tile = (name, amount, text, className) => el("li", { class: `tile ${className}` },
    el("span", { class: "small" }, name), el("span", { class: "figure" }, diamonds(amount)), el("span", { class: "small muted" }, text));
  return el("ul", { class: "tiles" },
    tile("Available", mine.available_diamonds, `${money(mine.value.amount_minor, mine.value.currency)}, ready to be paid out`, "main"),
    tile("Pending", mine.pending_diamonds, mine.pending_diamonds ? "unlocking below" : "nothing waits"),
    tile("On their way", mine.reserved_diamonds, "in a payout that is under way"),
    tile("All time", mine.lifetime_diamonds, `${number(mine.lifetime_diamonds)} diamonds ever earned`));
}

async function unlocking() {
  const { holds } = await get("/v1/earnings/me");
  if (!holds.length) return empty("Nothing waits", "All your diamonds are available.");
  return el("ol", { class: "lines" }, holds.map((hold) => el("li", {},
    icon("clock"), el("span", { class: "grow" }, el("strong", {}, `${day(hold.unlocks_at)}, ${fromNow(hold.unlocks_at)}`),
      el("span", { class: "small muted" }, REASONS[hold.reason] ?? words(hold.reason))), diamonds(hold.diamonds))));
}

function received(gifts, room) {
  if (!gifts.length) return empty("No gifts yet", "Go live, and they show up here.");
  return el("ul", { class: "lines received" }, gifts.slice(0, 50).map((gift) => el("li", {},
    avatar(gift.viewer), el("span", { class: "grow" }, who(gift.viewer), el("span", { class: "small muted" }, `${time(gift.earned_at)}, gift ${short(gift.gift)}`)),
    el("span", { class: `tag ${gift.state === "available" ? "good" : gift.state === "reversed" ? "bad" : "warn"}`, title: REASONS[gift.hold_reason] },
      gift.state === "pending" ? `unlocks ${day(gift.matures_at)}` : gift.state),
    gift.reversed_diamonds ? el("span", { class: "small muted" }, `${number(gift.reversed_diamonds)} taken back`) : null,
    coins(gift.coins, { class: "muted" }), diamonds(gift.diamonds),
    thankButton(gift, room))));
}

function thankButton(gift, room) {
  const button = el("button", { class: "tiny", onclick: () => thank(room, gift) }, t("creator.thank"));
  called(gift.viewer, (name) => button.setAttribute("aria-label", t("creator.thank-for", { viewer: name, gift: short(gift.gift) })));
  return button;
}
