// Everything about one person that the caller's scopes open, with what can be done about it.
import { el } from "../dom.js";
import { t } from "../language.js";
import { named } from "../words.js";
import { audit } from "./audit.js";
import { disputesOf } from "./disputes.js";
import { diamondsOf } from "./person_diamonds.js";
import { giftsOf } from "./person_gifts.js";
import { purchasesOf } from "./person_purchases.js";
import { roomsOf } from "./person_rooms.js";
import { coinsOf } from "./person_coins.js";

/** The panels of a person; those that no scope opens are not there. */
export function personPage(user) {
  const panels = [coinsOf(user), diamondsOf(user), purchasesOf(user), disputesOf(user), giftsOf(user), roomsOf(user), audit({ user, className: "across" })].flat().filter(Boolean);
  return el("section", { "aria-label": t("console.person-named", { person: named(user) }) },
    el("h2", { class: "person-title" }, user),
    panels.length ? el("div", { class: "columns two" }, panels) : el("p", { class: "muted" }, t("console.person-closed")));
}
