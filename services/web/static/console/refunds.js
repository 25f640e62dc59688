// Refunds of which it is unknown whether their money went back: a person looks it up at the provider.
import { get } from "../api.js";
import { el, empty } from "../dom.js";
import { parts, t } from "../language.js";
import { fromNow, money, short } from "../words.js";
import { may, panel } from "./access.js";
import { actionButton } from "./actions.js";
import { personAddress } from "./addresses.js";
import { declined } from "./person_purchases.js";
import { exposure } from "./amounts.js";

export function unresolvedRefunds() {
  const section = panel(["disputes:read"], t("console.unresolved"), async () => {
    const { items } = await get("/v1/operator/purchase/refunds");
    if (!items.length) return empty(t("console.unresolved-none"), t("console.unresolved-none-text"));
    return [el("p", {}, t("console.unresolved-all", { exposure: exposure(items) })),
      el("ul", { class: "lines" }, items.map((one) => el("li", {},
        el("span", { class: "grow" }, el("strong", {}, parts("console.amount-of", { amount: money(one.amount_minor, one.currency), person: el("a", { href: personAddress(one.viewer) }, one.viewer) })), el("span", { class: "small muted" }, t("console.payment-since", { payment: one.payment, time: fromNow(one.unresolved_at) }))),
        may("refunds:write") ? actionButton(t("console.decline"), t("console.decline-about", { refund: short(one.refund) }), () => declined(one, () => section.refresh())) : null)))];
  }, { id: "refunds", live: true });
  return section;
}
