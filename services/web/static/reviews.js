// Payouts that are held: a person decides, with a reason that stays.
import { get, path, post } from "./api.js";
import { diamonds, el, empty } from "./dom.js";
import { askReason, card, doing, toast } from "./shell.js";
import { fromNow, money, short, words } from "./words.js";

export function reviews() {
  const section = card("Payouts to review", async () => draw((await get("/v1/operator/payouts")).items, () => section.refresh()), { id: "reviews" });
  return section;
}

function draw(items, refresh) {
  if (!items.length) return empty("Nothing waits", "Payouts are held when money behind their diamonds was taken back.");
  const decide = (payout, word, danger) => async (event) => {
    const button = event.currentTarget;
    const reason = await askReason(`${word} the payout?`, `${money(payout.amount_minor, payout.currency)} to ${payout.destination} for ${payout.creator}.`, word, { danger });
    if (!reason) return;
    await doing(button, async () => {
      await post(path`/v1/operator/payouts/${payout.creator}/${payout.payout}/${word.toLowerCase()}`, { reason });
      toast(`${word === "Approve" ? "Approved" : "Rejected"}.`);
      refresh();
    });
  };
  return el("ul", { class: "lines" }, items.map((payout) => el("li", {},
    el("span", { class: "grow" }, el("strong", {}, `${payout.creator}: ${money(payout.amount_minor, payout.currency)}`), el("span", { class: "small muted" }, diamonds(payout.diamonds), ` to ${payout.destination}, held ${fromNow(payout.held_at)}: ${words(payout.reason ?? "no reason given").toLowerCase()}`)),
    el("button", { class: "tiny", "aria-label": `Approve payout ${short(payout.payout)} of ${payout.creator}`, onclick: decide(payout, "Approve", false) }, "Approve"),
    el("button", { class: "tiny quiet", "aria-label": `Reject payout ${short(payout.payout)} of ${payout.creator}`, onclick: decide(payout, "Reject", true) }, "Reject"))));
}
