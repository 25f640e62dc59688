// The gifts that a person sent, and those that a creator got.
import { get, path, person } from "../api.js";
import { el, empty, table } from "../dom.js";
import { number, short, time, words } from "../words.js";
import { panel } from "./access.js";
import { personAddress, searchAddress } from "./addresses.js";

const SHOWN = 30;
const someone = (user) => el("a", { href: personAddress(user) }, user);

export const giftsOf = (user) => [
  panel(["disputes:read"], "Gifts sent", async () => sent((await get(path`/v1/operator/gift/viewers/${person(user)}/gifts?limit=${SHOWN}`)).items), { id: "sent" }),
  panel(["disputes:read"], "Gifts received", async () => received((await get(path`/v1/operator/payout/creators/${person(user)}/gifts?limit=${SHOWN}`)).items), { id: "received" }),
];

const sent = (items) => (items.length ? table("Gifts sent, the newest first", [{ title: "When" }, { title: "Gift" }, { title: "To" }, { title: "Room" }, { title: "Coins", number: true }, { title: "" }],
  items.map((gift) => [el("span", { id: `gift-${gift.gift}`, title: gift.gift }, time(gift.requested_at)), `${number(gift.count)} × ${words(gift.gift_type.replace("g_", ""))}`, someone(gift.creator),
    gift.room ? el("a", { href: searchAddress(gift.room) }, gift.room) : "none", number(gift.coins), `${words(gift.state)}${gift.reversed_coins ? `, ${number(gift.reversed_coins)} reversed` : ""}`])) :
  empty("No gifts sent", "The newest stand here, refused ones too."));

const received = (items) => (items.length ? table("Gifts received, the newest first", [{ title: "When" }, { title: "From" }, { title: "Gift" }, { title: "Coins", number: true }, { title: "Diamonds", number: true }, { title: "" }],
  items.map((gift) => [time(gift.earned_at), someone(gift.viewer), el("a", { href: searchAddress(gift.gift) }, short(gift.gift)), number(gift.coins), number(gift.diamonds), words(gift.state)])) :
  empty("No gifts received", "What brings this person diamonds stands here."));
