// The gifts that a person sent, and those that a creator got.
import { get, path, person } from "../api.js";
import { el, empty, table } from "../dom.js";
import { nameOf, t } from "../language.js";
import { number, short, time } from "../words.js";
import { panel } from "./access.js";
import { personAddress, searchAddress } from "./addresses.js";
import { numbers, texts, untitled } from "./columns.js";
import { giftName } from "./money.js";

const SHOWN = 30;
const someone = (user) => el("a", { href: personAddress(user) }, user);

export const giftsOf = (user) => [
  panel(["disputes:read"], t("console.gifts-sent"), async () => sent((await get(path`/v1/operator/gift/viewers/${person(user)}/gifts?limit=${SHOWN}`)).items), { id: "sent" }),
  panel(["disputes:read"], t("console.gifts-received"), async () => received((await get(path`/v1/operator/payout/creators/${person(user)}/gifts?limit=${SHOWN}`)).items), { id: "received" }),
];

const standing = (gift) => [nameOf("console-state", gift.state), gift.reversed_coins ? t("console.coins-reversed", { count: gift.reversed_coins }) : ""].filter(Boolean).join(", ");

const sent = (items) => (items.length ? table(t("console.gifts-sent-newest"), [...texts("console.when", "console.gift", "console.to", "console.room"), ...numbers("console.coins"), untitled],
  items.map((gift) => [el("span", { id: `gift-${gift.gift}`, title: gift.gift }, time(gift.requested_at)), giftName(gift), someone(gift.creator),
    gift.room ? el("a", { href: searchAddress(gift.room) }, gift.room) : t("console.none"), number(gift.coins), standing(gift)])) :
  empty(t("console.gifts-sent-none"), t("console.gifts-sent-none-text")));

const received = (items) => (items.length ? table(t("console.gifts-received-newest"), [...texts("console.when", "console.from", "console.gift"), ...numbers("console.coins", "console.diamonds"), untitled],
  items.map((gift) => [time(gift.earned_at), someone(gift.viewer), el("a", { href: searchAddress(gift.gift) }, short(gift.gift)), number(gift.coins), number(gift.diamonds), nameOf("console-state", gift.state)])) :
  empty(t("console.gifts-received-none"), t("console.gifts-received-none-text")));
