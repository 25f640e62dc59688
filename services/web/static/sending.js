// Sending gifts: taps become requests, a refusal for want of coins becomes a purchase and goes on.
import { get, newKey, path, postSurely, Problem } from "./api.js";
import { buyCoins } from "./buy.js";
import { moneyOf } from "./gifts.js";
import { tell } from "./host.js";
import { t } from "./language.js";
import { refuse } from "./refusals.js";
import { confirm, toast } from "./shell.js";

const OUTCOME_MS = [300, 500, 1000, 2000, 4000];
// Reasons that are types of their own in an answer that comes at once.
const REFUSED = { "insufficient-coins": "insufficient-coins", "limit-exceeded": "limit-exceeded", "too-late": "too-late", "age-unknown": "age-unknown", "too-young": "too-young" };

/**
 * Return `tap(gift, options)`. While one request is under way further taps of the same gift wait,
 * and leave together as one request with a count.
 */
export function build({ creator, room, isOpen, spent, refusedOnce, priceChanged, topUp }) {
  let queue = null;
  let busy = false;

  async function tap(gift, { count = 1, message = null, anonymous = false } = {}) {
    const same = queue && queue.gift.gift_type === gift.gift_type && queue.anonymous === anonymous && !message;
    if (same) queue.count += count;
    else queue = { gift, count, message, anonymous };
    if (!busy) await pump();
  }

  async function pump() {
    busy = true;
    try {
      while (queue) {
        const next = queue;
        queue = null;
        await leave(next);
      }
    } finally {
      busy = false;
    }
  }

  async function leave({ gift, count, message, anonymous }) {
    const most = gift.count_max ?? 999;
    const single = gift.mode === "single";
    const now = single ? 1 : Math.min(count, most);
    if (!single && count > now) queue = { gift, count: count - now, message: null, anonymous };
    const body = { gift_type: gift.gift_type, creator, room, count: now, anonymous, expected_price_coins: gift.price_coins };
    if (message) body.message = message;
    if (gift.confirmation_required) {
      if (!(await meant(gift))) return;
      body.confirm = true;
    }
    await send(gift, body);
  }

  function meant(gift) {
    const inMoney = moneyOf(gift);
    const price = t("amount.coins", { count: gift.price_coins });
    return confirm(t("sending.sure", { gift: gift.name }),
      inMoney ? t("sending.costs-about", { price, money: inMoney }) : t("sending.costs", { price }), t("sending.send-for", { price }));
  }

  /** A refusal is final under its key, so whatever is tried again gets a new one. */
  async function send(gift, body) {
    // Between the tap and now somebody may have bought coins, or been asked whether they mean it.
    if (!isOpen()) {
      queue = null;
      toast(t("sending.over"), "bad");
      return;
    }
    try {
      spent(await outcomeOf(await postSurely("/v1/gifts", body, newKey())));
    } catch (error) {
      queue = null;
      refusedOnce();
      await refused(gift, body, error);
    }
  }

  async function refused(gift, body, error) {
    tell("refused", { code: error.type ?? "unknown", gift_type: gift.gift_type, count: body.count });
    if (error.type === "insufficient-coins") {
      const missing = error.facts.shortfall_coins;
      const what = body.count > 1 ? t("gift.times", { gift: gift.name, times: body.count }) : gift.name;
      const why = t("sending.why-coins", { gift: what, price: t("amount.coins", { count: gift.price_coins * body.count }) });
      if (await buyCoins({ missing, why })) await send(gift, body);
    } else if (error.type === "price-changed") {
      toast(t("sending.new-price", { gift: gift.name }), "bad");
      priceChanged();
    } else if (error.type === "confirmation-required") {
      if (await meant(gift)) await send(gift, { ...body, confirm: true });
    } else {
      await refuse(error, { buy: topUp, retry: () => send(gift, body) });
    }
  }

  return { tap };
}

/** An answer may come before the outcome: then it is looked up. */
async function outcomeOf(gift) {
  for (const wait of OUTCOME_MS) {
    if (gift.state !== "requested") break;
    await new Promise((resolve) => setTimeout(resolve, wait));
    gift = await get(path`/v1/gifts/${gift.gift}`);
  }
  if (gift.state === "refused") throw new Problem(409, { code: REFUSED[gift.reason] ?? "wallet-refused", reason: gift.reason, title: t("sending.refused") });
  return gift;
}
