// What happened: in coins (gifts, purchases, corrections) and in money (payments and refunds).
import { all, get, newKey, path, postSurely } from "./api.js";
import { coins, el, empty, show } from "./dom.js";
import { picture } from "./gifts.js";
import { confirm, doing, toast } from "./shell.js";
import { tabs } from "./tabs.js";
import { money, number, short, time, words } from "./words.js";

const KINDS = {
  purchase: "Coins bought", credit: "Coins bought", gift: "Gift", refund: "Refund", freeze: "Frozen for a refund", release: "Free again",
  dispute: "Taken back by the bank", restore: "Given back by the bank", adjustment: "Correction", expiry: "Expired", forfeit: "Given up", settle: "Debt settled", claim: "Debt",
};
const GOOD = ["completed", "refunded", "sent"];
const BAD = ["failed", "expired", "mismatched", "declined", "refused"];
const AFTER_REFUND_MS = [500, 1500, 3000, 5000];

export async function drawHistory(refresh) {
  const [movements, gifts, purchases] = await Promise.all([
    get("/v1/wallets/me/movements?limit=50"), get("/v1/gifts?limit=50"), all("/v1/purchases", 1),
  ]);
  return tabs("History", [
    { id: "coins", title: "Coins", content: inCoins(movements.items) },
    { id: "gifts", title: "Gifts", content: inGifts(gifts.items) },
    { id: "money", title: "Money", content: inMoney(purchases, refresh) },
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
  el("span", { class: "grow" }, el("strong", {}, `${KINDS[movement.kind] ?? words(movement.kind)}${movement.times > 1 ? `s, ${movement.times} of them` : ""}`), el("span", { class: "small muted" }, `${time(movement.recorded_at)}, balance ${number(movement.balance_coins)}`)),
  el("span", { class: `signed ${movement.coins < 0 ? "less" : "more"}` }, movement.coins > 0 ? "+" : "−", coins(Math.abs(movement.coins)))))) :
  empty("Nothing yet", "Every coin that comes or goes is listed here."));

const inGifts = (items) => (items.length ? el("ul", { class: "lines" }, items.map((gift) => el("li", {},
  picture(gift.gift_type, 36),
  el("span", { class: "grow" }, el("strong", {}, `${gift.count} × ${words(gift.gift_type.replace("g_", ""))} to ${gift.creator}`), el("span", { class: "small muted" }, time(gift.requested_at)),
    gift.message ? el("q", { class: "small" }, gift.message) : null),
  gift.state === "sent" ? null : state(gift.state), coins(gift.coins)))) :
  empty("No gifts yet", "Gifts you send are listed here."));

const state = (code) => el("span", { class: `tag ${GOOD.includes(code) ? "good" : BAD.includes(code) ? "bad" : "warn"}` }, words(code));

function inMoney(purchases, refresh) {
  if (!purchases.length) return empty("Nothing bought yet", "Payments and refunds are listed here.");
  return el("ul", { class: "lines" }, purchases.map((purchase) => {
    const refunds = el("span", { class: "small" });
    const line = el("li", {},
      el("span", { class: "grow" }, el("strong", {}, `${number(purchase.coins + purchase.bonus_coins + purchase.promo_coins)} coins`),
        el("span", { class: "small muted" }, `${time(purchase.created_at)}, receipt ${short(purchase.purchase)}`), refunds),
      state(purchase.state), el("span", { class: "price" }, money(purchase.amount_minor, purchase.currency)),
      purchase.state === "completed" ? el("button", { class: "tiny", "aria-label": `Refund unused coins of receipt ${short(purchase.purchase)}`, onclick: (event) => doing(event.currentTarget, () => refund(purchase, refunds, refresh)) }, "Refund unused") : null);
    if (purchase.state === "completed") refundsOf(purchase, refunds);
    return line;
  }));
}

async function refundsOf(purchase, place) {
  const { items } = await get(path`/v1/purchases/${purchase.purchase}/refunds`);
  show(place, items.map((refund) => el("span", { class: "row" }, state(refund.state),
    refund.coins ? `${number(refund.coins)} coins, ${money(refund.amount_minor, refund.currency)}` : refund.reason ? words(refund.reason) : "asked for")));
  return items.some((refund) => ["requested", "frozen"].includes(refund.state));
}

async function refund(purchase, place, refresh) {
  const meant = await confirm("Refund the unused coins?", "The coins of this purchase that you have not used are frozen at once. We refund them by the means of payment that you used. Gifts that you sent are not affected.", "Ask for the refund");
  if (!meant) return;
  await postSurely(path`/v1/purchases/${purchase.purchase}/refunds`, {}, newKey());
  toast("The refund is under way.");
  for (const wait of AFTER_REFUND_MS) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (!(await refundsOf(purchase, place))) break;
  }
  refresh();
}
