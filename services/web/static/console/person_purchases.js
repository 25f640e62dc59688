// A person's purchases and payments, and the refunds of each.
import { get, path, person, post, postSurely } from "../api.js";
import { el, empty } from "../dom.js";
import { doing } from "../shell.js";
import { day, money, number, short, time, words } from "../words.js";
import { may, panel } from "./access.js";
import { actionButton } from "./actions.js";
import { follow } from "./disputes.js";

const SHOWN = 20;
const TONE = { completed: "good", failed: "bad", disputed: "bad" };

export function purchasesOf(user) {
  const chain = el("div", { class: "chain", role: "status" });
  // Whose refunds are shown: they are shown again when the list is.
  const open = new Set();
  const section = panel(["disputes:read"], "Purchases", async () => {
    const { items, next_cursor: more } = await get(path`/v1/operator/purchases/${person(user)}?limit=${SHOWN}`);
    if (!items.length) return empty("No purchases", "Whatever this person buys stands here.");
    return [el("ul", { class: "lines" }, items.map((purchase) => line(user, purchase, { chain, open, refresh: () => section.refresh() }))), more ? el("p", { class: "small muted" }, `The newest ${SHOWN}; there are more.`) : null, chain];
  }, { id: "purchases", className: "across" });
  return section;
}

function line(user, purchase, { chain, open, refresh }) {
  const about = `purchase ${short(purchase.purchase)}`;
  const refunds = el("div");
  const show = async () => {
    open.add(purchase.purchase);
    refunds.replaceChildren(...(await refundLines(user, purchase, refresh)));
  };
  if (open.has(purchase.purchase)) show().catch(() => {});
  return el("li", { id: `purchase-${purchase.purchase}` }, el("span", { class: `tag ${TONE[purchase.state] ?? ""}` }, words(purchase.state)),
    el("span", { class: "grow" }, el("strong", {}, `${money(purchase.amount_minor, purchase.currency)} for ${number(purchase.coins + purchase.bonus_coins)} coins`),
      el("span", { class: "small muted" }, `${day(purchase.created_at)}, `, el("code", {}, purchase.purchase)), refunds),
    may("wallets:read") ? el("button", { class: "tiny quiet", "aria-label": `Follow the money of ${about}`, onclick: (event) => doing(event.currentTarget, () => follow(user, purchase.purchase, chain)) }, "Follow the money") : null,
    el("button", { class: "tiny quiet", "aria-label": `Refunds of ${about}`, onclick: (event) => doing(event.currentTarget, show) }, "Refunds"),
    may("refunds:write") && purchase.paid_at ? actionButton("Refund", about, () => refund(user, purchase, refresh)) : null);
}

const refund = (user, purchase, done) => ({
  title: "Refund what is unused?", done, yes: "Refund",
  touches: [["Viewer", user], ["Paid", money(purchase.amount_minor, purchase.currency)], ["Coins bought", number(purchase.coins)], ["Purchase", purchase.purchase]],
  effect: "The coins that are not spent are held at once and destroyed; their part of the price goes back the way it came. Spent coins, and the diamonds of their creators, stay.",
  send: async ({ reason, key }) => {
    const asked = await postSurely(path`/v1/operator/purchases/${person(user)}/${purchase.purchase}/refunds`, { reason }, key);
    return `The refund is ${words(asked.state).toLowerCase()}.`;
  },
});

async function refundLines(user, purchase, refresh) {
  const { items } = await get(path`/v1/operator/purchases/${person(user)}/${purchase.purchase}/refunds`);
  if (!items.length) return [el("p", { class: "small muted" }, "No refund so far.")];
  return items.map((one) => el("p", { class: "small row" }, `${words(one.state)}: ${money(one.amount_minor, one.currency)}, ${number(one.coins)} coins, ${time(one.requested_at)}, by ${one.requested_by}${one.reason ? `: ${one.reason}` : ""}`,
    one.state === "frozen" && may("refunds:write") ? actionButton("Decline", `refund ${short(one.refund)}`, () => declined({ ...one, viewer: user, purchase: purchase.purchase }, refresh)) : null));
}

/** The action that ends a refund whose money never went. */
export const declined = (one, done) => ({
  title: "Decline this refund?", done, yes: "Decline",
  touches: [["Viewer", one.viewer], ["Amount", money(one.amount_minor, one.currency)], ["Refund", one.refund]],
  effect: "Look it up at the provider first: decline it only if its money never went, and never will. The coins are the viewer's again.",
  send: async ({ reason }) => `The refund is ${words((await post(path`/v1/operator/purchases/${person(one.viewer)}/${one.purchase}/refunds/${one.refund}/decline`, { reason })).state).toLowerCase()}.`,
});
