// What happened: in coins (gifts, purchases, corrections) and in money (payments and refunds).
import { all, get, newKey, path, postSurely } from "./api.js";
import { coins, el, empty, show } from "./dom.js";
import { catalogue, nameOfGift, picture } from "./gifts.js";
import { nameOf, parts, t } from "./language.js";
import { who } from "./people.js";
import { confirm, doing, toast } from "./shell.js";
import { tabs } from "./tabs.js";
import { money, short, time } from "./words.js";

const GOOD = ["completed", "refunded", "sent"];
const BAD = ["failed", "expired", "mismatched", "declined", "refused"];
const AFTER_REFUND_MS = [500, 1500, 3000, 5000];

export async function drawHistory(refresh) {
  const [movements, gifts, purchases] = await Promise.all([
    get("/v1/wallets/me/movements?limit=50"), get("/v1/gifts?limit=50"), all("/v1/purchases", 1),
    // Names and pictures of gifts; without them there are others.
    catalogue().catch(() => null),
  ]);
  return tabs(t("history.title"), [
    { id: "coins", title: t("history.coins"), content: inCoins(movements.items) },
    { id: "gifts", title: t("history.gifts"), content: inGifts(gifts.items) },
    { id: "money", title: t("history.money"), content: inMoney(purchases, refresh) },
  ]);
}

/** Taps in a row are many movements; together they are one line. */
function together(items) {
  const lines = [];
  for (const movement of items) {
    const last = lines.at(-1);
    if (last && movement.kind === "gift" && last.kind === "gift" && time(last.recorded_at) === time(movement.recorded_at)) {
      last.coins += movement.coins;
      last.times += 1;
    } else lines.push({ ...movement, times: 1 });
  }
  return lines;
}

const inCoins = (items) => (items.length ? el("ul", { class: "lines" }, together(items).map((movement) => el("li", {},
  el("span", { class: "grow" }, el("strong", {}, movement.times > 1 ? t("history.many-gifts", { count: movement.times }) : nameOf("movement", movement.kind)), el("span", { class: "small muted" }, t("history.balance", { moment: time(movement.recorded_at), balance: movement.balance_coins }))),
  el("span", { class: `signed ${movement.coins < 0 ? "less" : "more"}` }, movement.coins > 0 ? "+" : "−", coins(Math.abs(movement.coins)))))) :
  empty(t("history.nothing"), t("history.nothing-text")));

const inGifts = (items) => (items.length ? el("ul", { class: "lines" }, items.map((gift) => el("li", {},
  picture(gift.gift_type, 36),
  el("span", { class: "grow" }, el("strong", {}, parts("history.gift", { times: gift.count, gift: nameOfGift(gift), creator: who(gift.creator) })), el("span", { class: "small muted" }, time(gift.requested_at)),
    gift.message ? el("q", { class: "small" }, gift.message) : null),
  gift.state === "sent" ? null : state(gift.state), coins(gift.coins)))) :
  empty(t("history.no-gifts"), t("history.no-gifts-text")));

const state = (code) => el("span", { class: `tag ${GOOD.includes(code) ? "good" : BAD.includes(code) ? "bad" : "warn"}` }, nameOf("state", code));

function inMoney(purchases, refresh) {
  if (!purchases.length) return empty(t("history.no-purchases"), t("history.no-purchases-text"));
  return el("ul", { class: "lines" }, purchases.map((purchase) => {
    const refunds = el("span", { class: "small" });
    const line = el("li", {},
      el("span", { class: "grow" }, el("strong", {}, t("amount.coins", { count: purchase.coins + purchase.bonus_coins + purchase.promo_coins })),
        el("span", { class: "small muted" }, t("history.receipt", { moment: time(purchase.created_at), receipt: short(purchase.purchase) })), refunds),
      state(purchase.state), el("span", { class: "price" }, money(purchase.amount_minor, purchase.currency)),
      purchase.state === "completed" ? el("button", { class: "tiny", "aria-label": t("history.refund-of", { receipt: short(purchase.purchase) }), onclick: (event) => doing(event.currentTarget, () => refund(purchase, refunds, refresh)) }, t("history.refund")) : null);
    if (purchase.state === "completed") refundsOf(purchase, refunds);
    return line;
  }));
}

async function refundsOf(purchase, place) {
  const { items } = await get(path`/v1/purchases/${purchase.purchase}/refunds`);
  show(place, items.map((refund) => el("span", { class: "row" }, state(refund.state),
    refund.coins ? t("history.refunded", { coins: t("amount.coins", { count: refund.coins }), money: money(refund.amount_minor, refund.currency) }) : refund.reason ? nameOf("refund-reason", refund.reason) : t("history.refund-asked"))));
  return items.some((refund) => ["requested", "frozen"].includes(refund.state));
}

async function refund(purchase, place, refresh) {
  const meant = await confirm(t("history.refund-sure"), t("history.refund-text"), t("history.refund-yes"));
  if (!meant) return;
  await postSurely(path`/v1/purchases/${purchase.purchase}/refunds`, {}, newKey());
  toast(t("history.refund-begun"));
  for (const wait of AFTER_REFUND_MS) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (!(await refundsOf(purchase, place))) break;
  }
  refresh();
}
