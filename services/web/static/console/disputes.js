// Disputes: from a payment to its lots, the gifts they paid, their creators, their payouts.
import { get, path, person } from "../api.js";
import { coins, diamonds, el, empty, show, table } from "../dom.js";
import { doing } from "../shell.js";
import { day, money, number, plural, short, time, words } from "../words.js";
import { may, panel } from "./access.js";
import { asked, filtered, personAddress } from "./addresses.js";
import { exposure } from "./amounts.js";

const GIFTS_MAX = 100;
// 255 characters; a field counts those beyond the first 65,536 twice.
const VIEWER_MAX = 510;
const TONE = { open: "warn", won: "good", lost: "bad" };

export function disputes(options) {
  const place = el("div", { class: "chain", role: "status" });
  return panel(["disputes:read"], "Disputes", async () => {
    const { items } = await get("/v1/operator/purchase/disputes");
    const open = items.filter((dispute) => dispute.state === "open");
    const shown = asked().disputes ? items.filter((dispute) => dispute.state === asked().disputes) : items;
    return [el("p", {}, `${plural(open.length, "dispute is", "disputes are")} open: `, el("strong", {}, exposure(open)), ". The provider's own page says until when its evidence is due."),
      filter(), draw(shown, place), may("wallets:read") ? lookUp(place) : null, place].filter(Boolean);
  }, { ...options, id: "desk" });
}

/** The disputes of one person, among the newest. */
export function disputesOf(user) {
  const place = el("div", { class: "chain", role: "status" });
  return panel(["disputes:read"], "Disputes of this person", async () => {
    const theirs = (await get("/v1/operator/purchase/disputes")).items.filter((dispute) => dispute.viewer === user);
    return theirs.length ? [draw(theirs, place), place] : empty("No disputes", "Among the newest hundred none is of this person.");
  }, { id: "disputes" });
}

const filter = () => el("p", { class: "row small" }, "Only:", ["", "open", "won", "lost"].map((state) =>
  el("a", { href: filtered("disputes", state), "aria-current": asked().disputes === state ? "true" : null }, state || "all")));

const draw = (items, place) => (items.length ? el("ul", { class: "lines" }, items.map((dispute) => el("li", {},
  el("span", { class: `tag ${TONE[dispute.state]}` }, dispute.state),
  el("span", { class: "grow" }, el("strong", {}, `${money(dispute.amount_minor, dispute.currency)}, `, el("a", { href: personAddress(dispute.viewer) }, dispute.viewer)), el("span", { class: "small muted" }, `${words(dispute.reason)}, ${time(dispute.recorded_at)}`)),
  may("wallets:read") ? el("button", { class: "tiny", "aria-label": `Follow the money of dispute ${dispute.dispute}`, onclick: (event) => doing(event.currentTarget, () => follow(dispute.viewer, dispute.purchase, place)) }, "Follow the money") : null))) :
  empty("No disputes", "When a cardholder asks the bank for the money back, it shows up here."));

function lookUp(place) {
  const viewer = el("input", { name: "viewer", required: true, maxlength: VIEWER_MAX, autocomplete: "off" });
  const purchase = el("input", { name: "purchase", required: true, autocomplete: "off", pattern: "[0-9a-fA-F\\-]{36}", placeholder: "the receipt's whole number" });
  return el("details", {}, el("summary", {}, "Any purchase"), el("form", { class: "fields", onsubmit: (event) => { event.preventDefault(); doing(event.submitter ?? viewer, () => follow(viewer.value.trim(), purchase.value.trim(), place)); } },
    el("label", { class: "field" }, "Viewer", viewer), el("label", { class: "field" }, "Purchase", purchase), el("div", {}, el("button", {}, "Follow the money"))));
}

export async function follow(viewer, id, place) {
  const [purchase, consumption, paid] = await Promise.all([
    get(path`/v1/operator/purchases/${person(viewer)}/${id}`), get(path`/v1/operator/wallets/${person(viewer)}/purchases/${id}/consumption`),
    get(path`/v1/operator/wallets/${person(viewer)}/purchases/${id}/gifts?limit=${GIFTS_MAX}`),
  ]);
  const gifts = await giftsOf(viewer, paid.items);
  const creators = await Promise.all([...grouped(gifts, (gift) => gift.creator)].map(([creator, theirs]) => creatorOf(creator, theirs)));
  show(place, el("h3", {}, `Where the money of ${viewer} went`), el("ol", { class: "links" },
    link("Purchase", purchaseFacts(purchase)), link("Coins", lotFacts(consumption)), link("Gifts", giftFacts(gifts, paid.next_cursor)),
    ...creators.map((one) => link(`Creator ${one.creator}`, creatorFacts(one)))));
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

const purchaseFacts = (purchase) => el("p", {}, el("strong", {}, money(purchase.amount_minor, purchase.currency)), " for ", coins(purchase.coins + purchase.bonus_coins),
  ` on ${day(purchase.created_at)} `, el("span", { class: "tag" }, words(purchase.state)), " ", el("code", {}, purchase.purchase),
  purchase.country_verdict === "contradict" ? el("span", { class: "small muted" }, ` The buyer's country is not sure: ${purchase.country_evidence.map((one) => `${words(one.kind)} ${one.country}`).join(", ")}.`) : null);

const lotFacts = (found) => el("div", { class: "stack" }, el("p", {}, `${found.consumption_milliunits / 1000} % of it is used up.`),
  table("Lots of the purchase", ["Lot", "Coins", "Left", "Given", "Burned", "Refunded", "Owed"].map((title, index) => ({ title, number: index > 0 })),
    found.lots.map((lot) => [short(lot.lot), ...[lot.coins, lot.remaining, lot.spent, lot.burned, lot.refunded, lot.debt].map(number)])));

const giftFacts = (gifts, more) => (gifts.length ? el("div", { class: "stack" }, table("Gifts paid with it", [{ title: "When" }, { title: "Gift" }, { title: "To" }, { title: "Of this purchase", number: true }, { title: "Reversed", number: true }],
  gifts.map((gift) => [time(gift.requested_at), `${gift.count} × ${words(gift.gift_type.replace("g_", ""))}`, gift.creator, number(gift.paid_coins), number(gift.reversed_coins)])),
more ? el("p", { class: "small muted" }, `The newest ${GIFTS_MAX}; there are more.`) : null) : el("p", { class: "muted" }, "None of its coins was given."));

function creatorFacts({ earned, payouts }) {
  const sum = (field) => earned.reduce((total, gift) => total + gift[field], 0);
  const states = [...grouped(earned, (gift) => gift.state)].map(([state, gifts]) => `${gifts.length} ${state}`).join(", ");
  return el("div", { class: "stack" },
    el("p", {}, diamonds(sum("diamonds")), ` stand, ${number(sum("reversed_diamonds"))} were taken back (${states || "nothing earned"}).`),
    payouts.length ? table("Newest payouts", [{ title: "When" }, { title: "State" }, { title: "Diamonds", number: true }, { title: "Money", number: true }],
      payouts.map((payout) => [time(payout.requested_at), words(payout.state), number(payout.diamonds), money(payout.amount_minor, payout.currency)])) : el("p", { class: "muted" }, "No payout so far: all of it can still be taken back."));
}
