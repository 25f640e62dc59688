// What a period brought: by stream, and by gift.
import { get, path } from "./api.js";
import { coins, diamonds, el, empty } from "./dom.js";
import { picture } from "./gifts.js";
import { t } from "./language.js";
import { giftNames } from "./received.js";
import { card } from "./shell.js";
import { tabs } from "./tabs.js";
import { time } from "./words.js";

const DAY_MS = 86_400_000;
const PERIODS = [7, 30, 90, 365];
const SHOWN = 100;

export function earningsCard() {
  let days = 30;
  const section = card(t("earned.title"), async () => {
    const from = new Date(Date.now() - days * DAY_MS).toISOString();
    const read = (by) => get(path`/v1/creators/me/earnings?by=${by}&from=${from}&limit=${SHOWN}`);
    const [byStream, byGift, nameOfGift] = await Promise.all([read("stream"), read("gift"), giftNames()]);
    const choice = el("select", { id: "period", onchange: async () => { days = Number(choice.value); await section.refresh(); section.querySelector("#period").focus(); } },
      PERIODS.map((each) => el("option", { value: each, selected: each === days }, t("earned.days", { count: each }))));
    return [el("label", { class: "field" }, t("earned.period"), choice), ...draw(byStream, byGift, nameOfGift)];
  }, { id: "earned" });
  return section;
}

function draw(byStream, byGift, nameOfGift) {
  const { total } = byGift;
  if (!total.gifts) return [empty(t("earned.none"), t("earned.none-text"))];
  return [
    el("p", { class: "row" }, el("strong", {}, diamonds(total.diamonds)), el("span", { class: "muted" }, t("amount.gifts", { count: total.gifts })),
      total.reversed_diamonds ? el("span", { class: "small muted" }, t("received.taken-back", { count: total.reversed_diamonds })) : null),
    tabs(t("earned.title"), [
      { id: "by-stream", title: t("earned.by-stream"), content: lines(byStream, ofStream, t("earned.outside")) },
      { id: "by-gift", title: t("earned.by-gift"), content: lines(byGift, (each) => ofGift(each, nameOfGift), t("earned.others")) },
    ]),
  ];
}

/** A line for each stream or gift, and one for whatever is in the total alone. */
function lines({ items, total }, head, rest) {
  const rested = (sum) => items.reduce((amount, each) => amount - each[sum], total[sum]);
  const left = { gifts: rested("gifts"), coins: rested("coins"), diamonds: rested("diamonds") };
  return el("ul", { class: "lines" }, items.map((each) => line(head(each), each)),
    left.gifts > 0 ? line([el("span", { class: "grow" }, el("strong", {}, rest), detail(left))], left) : null);
}

const line = (head, { coins: spent, diamonds: earned }) => el("li", {}, head, coins(spent, { class: "muted" }), diamonds(earned));

const detail = ({ gifts }) => el("span", { class: "small muted" }, t("amount.gifts", { count: gifts }));

const ofStream = (each) => [el("span", { class: "grow" }, el("a", { href: path`/rooms/${each.stream.room}` }, each.stream.room),
  el("span", { class: "small muted" }, t(each.stream.closed_at ? "earned.stream" : "earned.stream-live", { when: time(each.stream.opened_at), gifts: t("amount.gifts", { count: each.gifts }) })))];

const ofGift = (each, nameOfGift) => [el("span", { class: "gift-picture" }, picture(each.gift_type ?? "plain", 32)),
  el("span", { class: "grow" }, el("strong", {}, nameOfGift(each.gift_type)), el("span", { class: "small muted" }, t("earned.pieces", { count: each.pieces })))];
