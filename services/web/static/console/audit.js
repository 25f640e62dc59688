// What operators did, newest first; corrections that wait are decided here.
import { get, path } from "../api.js";
import { el, empty } from "../dom.js";
import { nameOf, t } from "../language.js";
import { short, time } from "../words.js";
import { may, panel } from "./access.js";
import { actionButton } from "./actions.js";
import { asked, filtered, personAddress } from "./addresses.js";
import { decision } from "./adjustments.js";

const SERVICES = ["wallet", "payout", "gift", "purchase", "live", "webhooks"];
const EACH = 20;
const SHOWN = 30;
const ASKED = "adjustment.requested";
const DECIDED = ["adjustment.approved", "adjustment.applied", "adjustment.rejected"];

/** What was done to a person, or to all. */
export function audit({ user = "", className = "" }) {
  const section = panel(["audit:read"], t("console.audit"), async () => {
    const chosen = SERVICES.filter((service) => !asked().service || asked().service === service);
    const pages = await Promise.all(chosen.map(async (service) => (await get(`${path`/v1/operator/${service}/audit?reads=false&limit=${EACH}`}${user ? `&user=${encodeURIComponent(user)}` : ""}`)).items.map((line) => ({ ...line, service }))));
    const lines = pages.flat().sort((a, b) => (a.at < b.at ? 1 : -1));
    const done = new Set(lines.filter((line) => DECIDED.includes(line.action)).map((line) => line.facts.adjustment));
    return [filter(), lines.length ? el("ul", { class: "lines" }, lines.slice(0, SHOWN).map((line) => shown(line, done, () => section.refresh()))) :
      empty(t("console.audit-empty"), t("console.audit-empty-text"))];
  }, { id: "audit", className });
  return section;
}

const filter = () => el("p", { class: "row small" }, t("console.only"), ["", ...SERVICES].map((service) =>
  el("a", { href: filtered("service", service), "aria-current": asked().service === service ? "true" : null }, service ? nameOf("console-service", service) : t("console.all-services"))));

const shown = (line, decided, refresh) => el("li", {}, el("span", { class: "tag" }, nameOf("console-service", line.service)),
  el("span", { class: "grow" }, el("strong", {}, `${nameOf("console-action", line.action.replace(".", "-"))} `, line.user ? el("a", { href: personAddress(line.user) }, line.user) : null),
    el("span", { class: "small muted" }, t("console.audit-line", { operator: line.operator, time: time(line.at), reason: line.reason }))),
  line.action === ASKED && !decided.has(line.facts.adjustment) && may("adjustments:write") ? decisions(line, refresh) : null);

function decisions(line, refresh) {
  const correction = short(line.facts.adjustment);
  return [
    actionButton(t("console.agree"), t("console.agree-about", { correction }), () => decision({ line, agrees: true, done: refresh })),
    actionButton(t("console.refuse"), t("console.refuse-about", { correction }), () => decision({ line, agrees: false, done: refresh })),
  ];
}
