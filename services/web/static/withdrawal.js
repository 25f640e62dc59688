// Withdrawing from a purchase: a button for as long as the law allows it, a statement, its confirmation, and the acknowledgement.
import { all, get, getText, newKey, path, postSurely } from "./api.js";
import { el, save, show } from "./dom.js";
import { me } from "./session.js";
import { card, doing, open } from "./shell.js";
import { day, money, number, short, time, words } from "./words.js";

// What the law prescribes, and what a lawyer wants to read: in one place.
const TEXTS = {
  title: "Withdraw from a purchase",
  open: "Withdraw from contract here",
  next: "Continue",
  back: "Back",
  confirm: "Confirm withdrawal",
  download: "Download the acknowledgement",
  about: "You can withdraw from these purchases without giving a reason. We refund the coins that you have not used, by the means of payment that you used. Gifts that you sent are not affected.",
  name: "Your name",
  address: "E-mail address for the acknowledgement (you can also download it here)",
  check: "This ends the contract for the purchase. Is everything correct?",
  received: "We have received your withdrawal",
  keep: "Please keep the acknowledgement. You can also download it from your wallet at any time.",
};
const NOT_REFUNDED = { disputed: "Your bank has opened a dispute about this purchase, so we make no refund." };
const NAME_MAX = 200;
const ADDRESS_MAX = 254;

/** The card of a wallet; it is only there if there is something to withdraw from, or was. */
export function withdrawals(refresh, options) {
  const section = card(TEXTS.title, async () => {
    // Without an answer there may be something to withdraw from: then the card says that it failed.
    const purchases = await all("/v1/purchases").catch((error) => { section.hidden = false; throw error; });
    const free = purchases.filter((purchase) => purchase.withdrawable_until && new Date(purchase.withdrawable_until) > new Date());
    const withdrawn = purchases.filter((purchase) => purchase.withdrawn_at);
    section.hidden = !free.length && !withdrawn.length;
    return [
      free.length ? el("p", { class: "muted" }, TEXTS.about) : null,
      el("ul", { class: "lines" }, free.map((purchase) => offer(purchase, refresh)), withdrawn.map(line)),
    ];
  }, options);
  section.hidden = true;
  return section;
}

const bought = (purchase) => `${number(purchase.coins + purchase.bonus_coins)} coins for ${money(purchase.amount_minor, purchase.currency)}`;

function offer(purchase, refresh) {
  return el("li", {},
    el("span", { class: "grow" }, el("strong", {}, bought(purchase)),
      el("span", { class: "small muted" }, `bought on ${day(purchase.paid_at)}, receipt ${short(purchase.purchase)}, until ${time(purchase.withdrawable_until)}`)),
    el("button", { onclick: () => withdraw(purchase, refresh) }, TEXTS.open, el("span", { class: "unseen" }, `receipt ${short(purchase.purchase)}`)));
}

function line(purchase) {
  return el("li", {},
    el("span", { class: "grow" }, el("strong", {}, bought(purchase)),
      el("span", { class: "small muted" }, `withdrawn on ${time(purchase.withdrawn_at)}, receipt ${short(purchase.purchase)}`)),
    el("button", { class: "tiny", onclick: (event) => doing(event.currentTarget, async () => download(await withdrawalOf(purchase))) },
      TEXTS.download, el("span", { class: "unseen" }, `receipt ${short(purchase.purchase)}`)));
}

function withdraw(purchase, refresh) {
  const place = el("div", { class: "steps" });
  const dialog = open(TEXTS.open, [place]);
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
    el("label", { class: "field" }, TEXTS.name, name),
    el("label", { class: "field" }, TEXTS.address, address),
    el("footer", {}, el("button", { class: "primary" }, TEXTS.next))));
  name.focus();
}

/** Second step: nothing was sent before this is confirmed. One statement has one key. */
function ask(place, purchase, said) {
  const key = newKey();
  const body = said.reply_to ? said : { name: said.name };
  const yes = el("button", { class: "danger", onclick: (event) => doing(event.currentTarget, async () => received(place, purchase, await send(purchase, body, key))) }, TEXTS.confirm);
  show(place, el("p", {}, TEXTS.check), facts(purchase, [["Your name", said.name], ["Acknowledgement to", said.reply_to || "download only"]]),
    el("footer", {}, el("button", { class: "quiet", onclick: () => state(place, purchase, said) }, TEXTS.back), yes));
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
  const keep = el("button", { class: "primary", onclick: (event) => doing(event.currentTarget, () => download(withdrawal)) }, TEXTS.download);
  show(place,
    el("p", { role: "status" }, el("strong", {}, `${TEXTS.received}: ${time(withdrawal.received_at)}`)),
    facts(purchase, [["Your name", withdrawal.name], ["Acknowledgement to", withdrawal.reply_to ?? "download only"],
      ["Refund", withdrawal.refund ? words(withdrawal.refund.state) : NOT_REFUNDED[withdrawal.reason] ?? words(withdrawal.reason)]]),
    el("p", { class: "muted" }, TEXTS.keep),
    el("footer", {}, keep));
  keep.focus();
}

const facts = (purchase, more = []) => el("dl", { class: "contract" }, [
  ["What you bought", bought(purchase)], ["Bought on", time(purchase.paid_at)], ["Receipt", purchase.purchase], ...more,
].flatMap(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]));

async function withdrawalOf(purchase) {
  const { items } = await get(path`/v1/purchases/${purchase.purchase}/withdrawals`);
  return items[0];
}

/** Save the acknowledgement as a file: a link alone would have no token. */
async function download(withdrawal) {
  const text = await getText(path`/v1/purchases/${withdrawal.purchase}/withdrawals/${withdrawal.withdrawal}/acknowledgement`);
  save(new Blob([text], { type: "text/html" }), `withdrawal-${short(withdrawal.purchase)}.html`);
}
