// Refunds of which it is unknown whether their money went back: a person looks it up at the provider.
import { get } from "../api.js";
import { el, empty } from "../dom.js";
import { fromNow, money, short } from "../words.js";
import { may, panel } from "./access.js";
import { actionButton } from "./actions.js";
import { personAddress } from "./addresses.js";
import { declined } from "./person_purchases.js";
import { exposure } from "./amounts.js";

export function unresolvedRefunds() {
  const section = panel(["disputes:read"], "Unresolved refunds", async () => {
    const { items } = await get("/v1/operator/purchase/refunds");
    if (!items.length) return empty("None", "A refund waits here if its provider cannot say what became of it.");
    return [el("p", {}, `In all ${exposure(items)}. If the money went, nothing has to be done: the service finds it out.`),
      el("ul", { class: "lines" }, items.map((one) => el("li", {},
        el("span", { class: "grow" }, el("strong", {}, `${money(one.amount_minor, one.currency)} of `, el("a", { href: personAddress(one.viewer) }, one.viewer)), el("span", { class: "small muted" }, `payment ${one.payment}, since ${fromNow(one.unresolved_at)}`)),
        may("refunds:write") ? actionButton("Decline", `refund ${short(one.refund)}`, () => declined(one, () => section.refresh())) : null)))];
  }, { id: "refunds", live: true });
  return section;
}
