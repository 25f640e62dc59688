// Withdrawing from a purchase: a button for as long as the law allows it, a statement, its confirmation, and the acknowledgement.
import { all, get, getText, newKey, path, postSurely } from "./api.js";
import { el, save, show } from "./dom.js";
import { isNamed, nameOf, t } from "./language.js";
import { me } from "./session.js";
import { card, doing, open } from "./shell.js";
import { day, money, short, time } from "./words.js";

const NAME_MAX = 200;
const ADDRESS_MAX = 254;

/** The card of a wallet; it is only there if there is something to withdraw from, or was. */
export function withdrawals(refresh, options) {
  const section = card(t("withdrawal.title"), async () => {
    // Without an answer there may be something to withdraw from: then the card says that it failed.
    const purchases = await all("/v1/purchases").catch((error) => { section.hidden = false; throw error; });
    const free = purchases.filter((purchase) => purchase.withdrawable_until && new Date(purchase.withdrawable_until) > new Date());
    const withdrawn = purchases.filter((purchase) => purchase.withdrawn_at);
    section.hidden = !free.length && !withdrawn.length;
    return [
      free.length ? el("p", { class: "muted" }, t("withdrawal.about")) : null,
      el("ul", { class: "lines" }, free.map((purchase) => offer(purchase, refresh)), withdrawn.map(line)),
    ];
  }, options);
  section.hidden = true;
  return section;
}

const bought = (purchase) => t("withdrawal.bought", { count: purchase.coins + purchase.bonus_coins, price: money(purchase.amount_minor, purchase.currency) });

function offer(purchase, refresh) {
  return el("li", {},
    el("span", { class: "grow" }, el("strong", {}, bought(purchase)),
      el("span", { class: "small muted" }, t("withdrawal.until", { day: day(purchase.paid_at), receipt: short(purchase.purchase), moment: time(purchase.withdrawable_until) }))),
    el("button", { onclick: () => withdraw(purchase, refresh) }, t("withdrawal.open"), el("span", { class: "unseen" }, t("withdrawal.receipt", { receipt: short(purchase.purchase) }))));
}

function line(purchase) {
  return el("li", {},
    el("span", { class: "grow" }, el("strong", {}, bought(purchase)),
      el("span", { class: "small muted" }, t("withdrawal.withdrawn", { moment: time(purchase.withdrawn_at), receipt: short(purchase.purchase) }))),
    el("button", { class: "tiny", onclick: (event) => doing(event.currentTarget, async () => download(await withdrawalOf(purchase))) },
      t("withdrawal.download"), el("span", { class: "unseen" }, t("withdrawal.receipt", { receipt: short(purchase.purchase) }))));
}

function withdraw(purchase, refresh) {
  const place = el("div", { class: "steps" });
  const dialog = open(t("withdrawal.open"), [place]);
  dialog.addEventListener("close", refresh);
  state(place, purchase, { name: me()?.name ?? "", reply_to: "" });
}

/** First step: who withdraws, from which contract, and where the acknowledgement goes. */
function state(place, purchase, said) {
  const name = el("input", { name: "name", required: true, maxlength: NAME_MAX, autocomplete: "name", value: said.name });
  const address = el("input", { name: "reply_to", type: "email", maxlength: ADDRESS_MAX, autocomplete: "email", value: said.reply_to });
  const go = (event) => {
    event.preventDefault();
    if (name.value.trim()) ask(place, purchase, { name: name.value.trim(), reply_to: address.value.trim() });
  };
  show(place, el("form", { onsubmit: go }, facts(purchase),
    el("label", { class: "field" }, t("withdrawal.name"), name),
    el("label", { class: "field" }, t("withdrawal.address"), address),
    el("footer", {}, el("button", { class: "primary" }, t("withdrawal.next")))));
  name.focus();
}

/** Second step: nothing was sent before this is confirmed. One statement has one key. */
function ask(place, purchase, said) {
  const key = newKey();
  const body = said.reply_to ? said : { name: said.name };
  const yes = el("button", { class: "danger", onclick: (event) => doing(event.currentTarget, async () => received(place, purchase, await send(purchase, body, key))) }, t("withdrawal.confirm"));
  show(place, el("p", {}, t("withdrawal.check")), facts(purchase, [[t("withdrawal.name"), said.name], [t("withdrawal.to"), said.reply_to || t("withdrawal.download-only")]]),
    el("footer", {}, el("button", { class: "quiet", onclick: () => state(place, purchase, said) }, t("withdrawal.back")), yes));
  yes.focus();
}

async function send(purchase, body, key) {
  try {
    return await postSurely(path`/v1/purchases/${purchase.purchase}/withdrawals`, body, key);
  } catch (error) {
    // From another tab, or by an attempt whose answer was lost.
    if (error.type === "already-withdrawn") return withdrawalOf(purchase);
    throw error;
  }
}

function received(place, purchase, withdrawal) {
  const keep = el("button", { class: "primary", onclick: (event) => doing(event.currentTarget, () => download(withdrawal)) }, t("withdrawal.download"));
  show(place,
    el("p", { role: "status" }, el("strong", {}, t("withdrawal.received", { moment: time(withdrawal.received_at) }))),
    facts(purchase, [[t("withdrawal.name"), withdrawal.name], [t("withdrawal.to"), withdrawal.reply_to ?? t("withdrawal.download-only")],
      [t("withdrawal.refund"), withdrawal.refund ? nameOf("state", withdrawal.refund.state) : whyNot(withdrawal.reason)]]),
    el("p", { class: "muted" }, t("withdrawal.keep")),
    el("footer", {}, keep));
  keep.focus();
}

const facts = (purchase, more = []) => el("dl", { class: "contract" }, [
  [t("withdrawal.what"), bought(purchase)], [t("withdrawal.when"), time(purchase.paid_at)], [t("withdrawal.which"), purchase.purchase], ...more,
].flatMap(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]));

const whyNot = (reason) => (isNamed("not-refunded", reason) ? nameOf("not-refunded", reason) : nameOf("refund-reason", reason));

async function withdrawalOf(purchase) {
  const { items } = await get(path`/v1/purchases/${purchase.purchase}/withdrawals`);
  return items[0];
}

/** Save the acknowledgement as a file: a link alone would have no token. */
async function download(withdrawal) {
  const text = await getText(path`/v1/purchases/${withdrawal.purchase}/withdrawals/${withdrawal.withdrawal}/acknowledgement`);
  save(new Blob([text], { type: "text/html" }), `withdrawal-${short(withdrawal.purchase)}.html`);
}
