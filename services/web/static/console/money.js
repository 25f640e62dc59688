// Where money went: from a payment to its lots, the gifts they paid, their creators, their payouts.
import { get, path, person } from "../api.js";
import { coins, diamonds, el, show, table } from "../dom.js";
import { nameOf, parts, t } from "../language.js";
import { day, money, number, short, time, words } from "../words.js";
import { numbers, texts } from "./columns.js";

const GIFTS_MAX = 100;

export async function follow(viewer, id, place) {
  const [purchase, consumption, paid] = await Promise.all([
    get(path`/v1/operator/purchases/${person(viewer)}/${id}`), get(path`/v1/operator/wallets/${person(viewer)}/purchases/${id}/consumption`),
    get(path`/v1/operator/wallets/${person(viewer)}/purchases/${id}/gifts?limit=${GIFTS_MAX}`),
  ]);
  const gifts = await giftsOf(viewer, paid.items);
  const creators = await Promise.all([...grouped(gifts, (gift) => gift.creator)].map(([creator, theirs]) => creatorOf(creator, theirs)));
  show(place, el("h3", {}, t("console.money-of", { viewer })), el("ol", { class: "links" },
    link(t("console.purchase"), purchaseFacts(purchase)), link(t("console.coins"), lotFacts(consumption)), link(t("console.gifts"), giftFacts(gifts, paid.next_cursor)),
    ...creators.map((one) => link(t("console.creator-named", { creator: one.creator }), creatorFacts(one)))));
  place.scrollIntoView({ block: "nearest" });
}

const chosen = (gifts) => gifts.map((gift) => `gift=${encodeURIComponent(gift.gift)}`).join("&");

const link = (title, content) => el("li", { class: "link" }, el("h4", {}, title), content);

async function giftsOf(viewer, paid) {
  if (!paid.length) return [];
  const { items } = await get(`${path`/v1/operator/gift/sent?viewer=${viewer}`}&${chosen(paid)}`);
  const known = new Map(items.map((gift) => [gift.gift, gift]));
  return paid.map((gift) => ({ ...known.get(gift.gift), paid_coins: gift.coins })).filter((gift) => gift.gift);
}

async function creatorOf(creator, gifts) {
  const [earned, payouts] = await Promise.all([
    get(`${path`/v1/operator/payouts/${person(creator)}/earnings`}?${chosen(gifts)}`), get(path`/v1/operator/payouts/${person(creator)}`),
  ]);
  return { creator, earned: earned.items, payouts: payouts.items };
}

/** Things by what they have in common, in the order in which that comes first. */
function grouped(things, keyOf) {
  const groups = new Map();
  for (const thing of things) groups.set(keyOf(thing), [...(groups.get(keyOf(thing)) ?? []), thing]);
  return groups;
}

const purchaseFacts = (purchase) => el("p", {}, parts("console.purchase-facts", {
  amount: el("strong", {}, money(purchase.amount_minor, purchase.currency)), coins: coins(purchase.coins + purchase.bonus_coins), day: day(purchase.created_at),
}), " ", el("span", { class: "tag" }, nameOf("console-state", purchase.state)), " ", el("code", {}, purchase.purchase),
purchase.country_verdict === "contradict" ? el("span", { class: "small muted" }, " ", t("console.country-unsure", { evidence: purchase.country_evidence.map((one) => `${words(one.kind)} ${one.country}`).join(", ") })) : null);

const lotFacts = (found) => el("div", { class: "stack" }, el("p", {}, t("console.used-up", { percent: found.consumption_milliunits / 1000 })),
  table(t("console.lots-of-purchase"), [...texts("console.lot"), ...numbers("console.coins", "console.left", "console.given", "console.burned", "console.refunded", "console.owed")],
    found.lots.map((lot) => [short(lot.lot), ...[lot.coins, lot.remaining, lot.spent, lot.burned, lot.refunded, lot.debt].map(number)])));

const giftFacts = (gifts, more) => (gifts.length ? el("div", { class: "stack" }, table(t("console.gifts-paid-with"), [...texts("console.when", "console.gift", "console.to"), ...numbers("console.of-this-purchase", "console.reversed")],
  gifts.map((gift) => [time(gift.requested_at), giftName(gift), gift.creator, number(gift.paid_coins), number(gift.reversed_coins)])),
more ? el("p", { class: "small muted" }, t("console.newest-of-more", { number: GIFTS_MAX })) : null) : el("p", { class: "muted" }, t("console.no-coins-given")));

/** How many of which gift. */
export const giftName = (gift) => t("console.gift-count", { number: gift.count, gift: words(gift.gift_type.replace("g_", "")) });

function creatorFacts({ earned, payouts }) {
  const sum = (field) => earned.reduce((total, gift) => total + gift[field], 0);
  const states = [...grouped(earned, (gift) => gift.state)].map(([state, gifts]) => t("console.count-of", { number: gifts.length, name: nameOf("console-state", state) })).join(", ");
  return el("div", { class: "stack" },
    el("p", {}, parts("console.diamonds-stand", { diamonds: diamonds(sum("diamonds")), reversed: sum("reversed_diamonds"), states: states || t("console.nothing-earned") })),
    payouts.length ? table(t("console.newest-payouts"), [...texts("console.when", "console.state"), ...numbers("console.diamonds", "console.money")],
      payouts.map((payout) => [time(payout.requested_at), nameOf("console-state", payout.state), number(payout.diamonds), money(payout.amount_minor, payout.currency)])) : el("p", { class: "muted" }, t("console.no-payout-yet")));
}
