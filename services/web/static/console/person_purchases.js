// A person's purchases and payments, and the refunds of each.
import { get, path, person, post, postSurely } from "../api.js";
import { el, empty } from "../dom.js";
import { nameOf, t } from "../language.js";
import { doing } from "../shell.js";
import { day, money, number, short, time } from "../words.js";
import { may, panel } from "./access.js";
import { actionButton } from "./actions.js";
import { follow } from "./money.js";

const SHOWN = 20;
const TONE = { completed: "good", failed: "bad", disputed: "bad" };

export function purchasesOf(user) {
  const chain = el("div", { class: "chain", role: "status" });
  // Whose refunds are shown: they are shown again when the list is.
  const open = new Set();
  const section = panel(["disputes:read"], t("console.purchases"), async () => {
    const { items, next_cursor: more } = await get(path`/v1/operator/purchases/${person(user)}?limit=${SHOWN}`);
    if (!items.length) return empty(t("console.purchases-none"), t("console.purchases-none-text"));
    return [el("ul", { class: "lines" }, items.map((purchase) => line(user, purchase, { chain, open, refresh: () => section.refresh() }))), more ? el("p", { class: "small muted" }, t("console.newest-of-more", { number: SHOWN })) : null, chain];
  }, { id: "purchases", className: "across" });
  return section;
}

function line(user, purchase, { chain, open, refresh }) {
  const about = { purchase: short(purchase.purchase) };
  const refunds = el("div");
  const show = async () => {
    open.add(purchase.purchase);
    refunds.replaceChildren(...(await refundLines(user, purchase, refresh)));
  };
  if (open.has(purchase.purchase)) show().catch(() => {});
  return el("li", { id: `purchase-${purchase.purchase}` }, el("span", { class: `tag ${TONE[purchase.state] ?? ""}` }, nameOf("console-state", purchase.state)),
    el("span", { class: "grow" }, el("strong", {}, t("console.money-for-coins", { amount: money(purchase.amount_minor, purchase.currency), count: purchase.coins + purchase.bonus_coins })),
      el("span", { class: "small muted" }, `${day(purchase.created_at)}, `, el("code", {}, purchase.purchase)), refunds),
    may("wallets:read") ? el("button", { class: "tiny quiet", "aria-label": t("console.follow-purchase", about), onclick: (event) => doing(event.currentTarget, () => follow(user, purchase.purchase, chain)) }, t("console.follow")) : null,
    el("button", { class: "tiny quiet", "aria-label": t("console.refunds-of", about), onclick: (event) => doing(event.currentTarget, show) }, t("console.refunds")),
    may("refunds:write") && purchase.paid_at ? actionButton(t("console.refund"), t("console.refund-about", about), () => refund(user, purchase, refresh)) : null);
}

const refund = (user, purchase, done) => ({
  title: t("console.refund-title"), done, yes: t("console.refund"),
  touches: [[t("console.viewer"), user], [t("console.paid"), money(purchase.amount_minor, purchase.currency)], [t("console.coins-bought"), number(purchase.coins)], [t("console.purchase"), purchase.purchase]],
  effect: t("console.refund-effect"),
  send: async ({ reason, key }) => {
    const asked = await postSurely(path`/v1/operator/purchases/${person(user)}/${purchase.purchase}/refunds`, { reason }, key);
    return t("console.refund-state", { state: nameOf("console-state", asked.state) });
  },
});

async function refundLines(user, purchase, refresh) {
  const { items } = await get(path`/v1/operator/purchases/${person(user)}/${purchase.purchase}/refunds`);
  if (!items.length) return [el("p", { class: "small muted" }, t("console.refunds-none"))];
  return items.map((one) => el("p", { class: "small row" }, t("console.refund-line", { state: nameOf("console-state", one.state), amount: money(one.amount_minor, one.currency), count: one.coins, time: time(one.requested_at), operator: one.requested_by, reason: one.reason ?? "" }),
    one.state === "frozen" && may("refunds:write") ? actionButton(t("console.decline"), t("console.decline-about", { refund: short(one.refund) }), () => declined({ ...one, viewer: user, purchase: purchase.purchase }, refresh)) : null));
}

/** The action that ends a refund whose money never went. */
export const declined = (one, done) => ({
  title: t("console.decline-title"), done, yes: t("console.decline"),
  touches: [[t("console.viewer"), one.viewer], [t("console.amount"), money(one.amount_minor, one.currency)], [t("console.a-refund"), one.refund]],
  effect: t("console.decline-effect"),
  send: async ({ reason }) => t("console.refund-state", { state: nameOf("console-state", (await post(path`/v1/operator/purchases/${person(one.viewer)}/${one.purchase}/refunds/${one.refund}/decline`, { reason })).state) }),
});
