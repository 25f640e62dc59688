// Buying coins: choose, pay on the provider's page, and come back to what one was doing.
import { get, newKey, path, postSurely, Problem } from "./api.js";
import { coins, el, show } from "./dom.js";
import { nameOf, number, parts, t } from "./language.js";
import { explain, stepsOf } from "./refusals.js";
import { back, isOver, postOutcome } from "./returning.js";
import { doing, open, sentence } from "./shell.js";
import { methodWord, money } from "./words.js";

// After the browser came back it takes moments; before that, somebody is typing a card number.
const CHECK_MS = [600, 800, 1000, 1500, 2000, 3000];
const ENDED = ["failed", "expired", "mismatched"];

/**
 * Offer coins, at least as many as are `missing`; resolves to whether they were bought.
 * @param {{missing?: number, why?: string | null}} [options]
 */
export function buyCoins({ missing = 0, why = null } = {}) {
  return new Promise((resolve) => {
    let bought = false;
    const body = el("div", { class: "stack" });
    const dialog = open(missing ? t("buy.missing", { count: missing }) : t("step.get-coins"), [body]);
    const ending = new AbortController();
    dialog.addEventListener("close", () => { ending.abort(); resolve(bought); });
    const done = () => { bought = true; dialog.close(); };
    choose(body, { missing, why, done, signal: ending.signal });
  });
}

async function choose(body, context) {
  show(body, el("div", { class: "waiting", role: "status" }, el("span", { class: "unseen" }, t("failed.loading"))));
  try {
    const { currency, items, custom, methods = [] } = await offersFor(context.missing);
    // Beyond the packages, single coins may be sold.
    const isCustom = (offer) => offer.sku === custom?.sku;
    draw(body, { ...context, currency, custom, methods: methods.length > 1 ? methodChoice(methods, context.method) : null, promo: promoCode(context.code), offers: items.filter((offer) => !isCustom(offer)), exact: items.find(isCustom) });
  } catch (error) {
    fault(body, error, () => choose(body, context));
  }
}

/** What is for sale, or what brings at least so many coins: of single coins no fewer than are sold. */
async function offersFor(missing) {
  const found = await get(missing ? path`/v1/packages?covering=${missing}` : "/v1/packages");
  const least = found.custom?.coins_min ?? 0;
  return missing && missing < least ? get(path`/v1/packages?covering=${least}`) : found;
}

function draw(body, context) {
  const { offers, exact, missing, currency, why, custom } = context;
  const buy = (offer) => (event) => doing(event.currentTarget, () => payOrExplain(body, context, offer));
  const first = missing && exact ? el("button", { class: "offer exact", onclick: buy(exact) },
    el("span", { class: "grow" }, el("strong", {}, coins(exact.coins)), el("span", { class: "small" }, exact.coins === missing ? t("buy.exact") : t("buy.least", { count: exact.coins })), before(exact)),
    el("span", { class: "price" }, money(exact.amount_minor, exact.currency))) : null;
  show(body, why ? el("p", { class: "muted" }, why) : null, context.methods?.group, first,
    el("ul", { class: "offers" }, offers.slice(0, missing ? 3 : 12).map((offer) => el("li", {},
      el("button", { class: "offer", onclick: buy(offer) },
        el("span", { class: "grow" }, el("strong", {}, coins(offer.coins + offer.bonus_coins)), offer.highlight ? el("span", { class: "tag good" }, t("buy.popular")) : null, before(offer)),
        el("span", { class: "price" }, money(offer.amount_minor, offer.currency)))))),
    custom ? ownAmount(body, context) : null, context.promo.field,
    el("p", { class: "small muted" }, t("buy.about-prices", { currency })));
  // The choice of methods stands before the buttons that buy, also for screen readers.
  (body.querySelector(".methods input:checked") ?? body.querySelector(".offer"))?.focus();
}

/** What a reduced price is reduced from: the law wants the lowest of 30 days, and no other. */
const before = (offer) => (offer.reduced_from_minor ? el("span", { class: "small muted" }, t("buy.low-before", { price: money(offer.reduced_from_minor, offer.currency) })) : null);

/** The ways to pay, the usual one chosen unless another was chosen before. */
function methodChoice(methods, before) {
  let chosen = methods.includes(before) ? before : methods[0];
  const group = el("fieldset", { class: "methods" }, el("legend", {}, t("buy.pay-with")), methods.map((name) => el("label", { class: "check" },
    el("input", { type: "radio", name: "method", value: name, checked: name === chosen, onchange: () => { chosen = name; } }), methodWord(name))));
  return { group, chosen: () => chosen };
}

/** A promo code, hidden until it is wanted; what it brings is said with the purchase. */
function promoCode(before = "") {
  const field = el("input", { name: "promo_code", value: before, minlength: 4, maxlength: 32, autocomplete: "off", autocapitalize: "characters", spellcheck: false });
  return { field: el("details", { class: "small", open: Boolean(before) }, el("summary", {}, t("buy.have-code")), el("label", { class: "field" }, t("buy.code"), field)), code: () => field.value.trim() };
}

/** An amount of one's own; its price comes from the shop, never from the page. */
function ownAmount(body, context) {
  const { sku, coins_min: min, coins_max: max } = context.custom;
  const price = el("span", { class: "price", role: "status" });
  const field = el("input", {
    type: "number", name: "coins", min, max, step: 1, inputmode: "numeric", required: true,
    placeholder: t("buy.from-to", { min, max }), oninput: () => quoteCustom(),
  });
  let offer = null;
  let waiting = null;
  function quoteCustom() {
    offer = null;
    price.textContent = "";
    clearTimeout(waiting);
    if (!field.value || !field.checkValidity()) return;
    waiting = setTimeout(async () => { offer = await quote(sku, Number(field.value), context.currency); price.textContent = offer ? money(offer.amount_minor, offer.currency) : t("buy.not-sold"); }, 200);
  }
  return el("form", {
    class: "own-amount", onsubmit: (event) => {
      event.preventDefault();
      doing(event.submitter ?? field, async () => {
        offer ??= await quote(sku, Number(field.value), context.currency);
        if (offer) await payOrExplain(body, context, offer);
      });
    },
  }, el("label", { class: "field" }, t("buy.another-amount"), field), price, el("button", {}, t("buy.buy")));
}

async function quote(sku, wanted, currency) {
  const { items } = await get(path`/v1/packages?currency=${currency}&covering=${wanted}`);
  return items.find((offer) => offer.sku === sku && offer.coins === wanted) ?? items.find((offer) => offer.coins === wanted) ?? null;
}

/** A refusal takes the place of the offers: it says until when, and what one can do. */
const payOrExplain = (body, context, offer) => pay(body, context, offer).catch((error) => fault(body, error, () => choose(body, context)));

async function pay(body, context, offer) {
  const order = { package: offer.sku, currency: offer.currency, expected_amount_minor: offer.amount_minor };
  if (offer.sku === context.custom?.sku) order.coins = offer.coins;
  const method = context.methods?.chosen();
  if (method) order.method = method;
  const code = context.promo?.code();
  if (code) order.promo_code = code;
  const key = newKey();
  const purchase = await postSurely("/v1/purchases", order, key).catch((error) => {
    if (error.type !== "price-changed") throw error;
    return null;
  });
  if (purchase === null) {
    await choose(body, { ...context, method, code, why: t("buy.price-changed") });
    return;
  }
  // A purchase in a store of apps has no page: it is paid there.
  const page = purchase.next_action?.type === "redirect" ? purchase.next_action.url : null;
  if (page) window.open(page, "_blank");
  wait(body, { ...context, method, code }, offer, purchase, page);
}

function wait(body, context, offer, purchase, page) {
  const status = el("p", { role: "status", class: "muted" }, t("buy.waiting"));
  show(body, el("div", { class: "paying" }, el("span", { class: "spinner" }),
    el("p", {}, parts("buy.for", { coins: el("strong", {}, coins(purchase.coins + purchase.bonus_coins + purchase.promo_coins)), price: money(offer.amount_minor, offer.currency) })), status),
  page ? el("a", { class: "button primary", href: page, target: "_blank", rel: "noreferrer" }, t("buy.open-page")) : null,
  el("button", { class: "quiet", onclick: () => choose(body, context) }, t("buy.choose-else")));
  follow(purchase.purchase, context.signal, status).then((state) => {
    if (context.signal.aborted || !status.isConnected) return;
    if (state === "completed") context.done();
    else fault(body, new Error(nameOf("buy-ended", ENDED.includes(state) ? state : "failed")), () => choose(body, context));
  });
}

/** Look at a purchase until it is over: at once when the browser is back, else ever more rarely. */
async function follow(id, signal, status) {
  let tries = 0;
  let wake = () => {};
  back.addEventListener("message", ({ data }) => { if (data?.kind === "back") wake(); }, { signal });
  window.addEventListener("focus", () => wake(), { signal });
  while (!signal.aborted && status.isConnected) {
    const wait = CHECK_MS[Math.min(tries, CHECK_MS.length - 1)];
    await new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      const timer = setTimeout(resolve, wait);
      wake = () => { clearTimeout(timer); tries = 0; resolve(); };
    });
    tries += 1;
    const purchase = await get(path`/v1/purchases/${id}`).catch(() => null);
    if (purchase?.state === "paid") status.textContent = t("buy.paid");
    if (isOver(purchase?.state)) {
      postOutcome(id, purchase.state);
      return purchase.state;
    }
  }
  return "unknown";
}

async function fault(body, error, again) {
  const { text, steps } = error instanceof Problem ? await explain(error) : { text: sentence(error), steps: [] };
  show(body, el("div", { class: "fault", role: "alert" }, el("p", {}, text)),
    el("div", { class: "row" }, stepsOf(steps, {}), el("button", { class: steps.length ? "quiet" : "primary", onclick: again }, t("step.again"))));
}
