// Disputes: what the bank may take back, and what of it is decided.
import { get } from "../api.js";
import { el, empty } from "../dom.js";
import { nameOf, parts, t } from "../language.js";
import { doing } from "../shell.js";
import { money, time } from "../words.js";
import { may, panel } from "./access.js";
import { asked, filtered, personAddress } from "./addresses.js";
import { exposure } from "./amounts.js";
import { counted, isDueSoon, secondsLeft, timeLeft } from "./deadlines.js";
import { follow } from "./money.js";

// 255 characters; a field counts those beyond the first 65,536 twice.
const VIEWER_MAX = 510;
const TONE = { open: "warn", won: "good", lost: "bad" };
const STATES = ["open", "won", "lost"];
const DUE = "due";

export function disputes(options) {
  const place = el("div", { class: "chain", role: "status" });
  return panel(["disputes:read"], t("console.disputes"), async () => {
    const { items, exposure: sums } = await get("/v1/operator/purchase/disputes");
    return [el("p", { class: "exposure" }, parts("console.disputes-open", { count: counted(sums), exposure: el("strong", {}, exposure(sums)) }), " ", el("span", { class: "small muted" }, t("console.disputes-evidence"))),
      totals(items, sums), filter(), draw(await wished(items), place), may("wallets:read") ? lookUp(place) : null, place].filter(Boolean);
  }, { ...options, id: "desk" });
}

/** The disputes that the address asks for. */
async function wished(items) {
  const wish = asked().disputes;
  if (wish === DUE) return (await get("/v1/operator/purchase/disputes?due_within_days=7")).items;
  return wish ? items.filter((dispute) => dispute.state === wish) : items;
}

/** The disputes of one person, among the newest. */
export function disputesOf(user) {
  const place = el("div", { class: "chain", role: "status" });
  return panel(["disputes:read"], t("console.disputes-of"), async () => {
    const theirs = (await get("/v1/operator/purchase/disputes")).items.filter((dispute) => dispute.viewer === user);
    return theirs.length ? [totals(theirs), draw(theirs, place), place] : empty(t("console.disputes-none"), t("console.disputes-none-of"));
  }, { id: "disputes" });
}

/** How many are in each state, and what they come to. */
const totals = (items, sums) => el("ul", { class: "tiles" }, STATES.map((state) => {
  const listed = items.filter((dispute) => dispute.state === state);
  // Of the open ones the service knows all, and not only those that are listed.
  const [these, count] = state === "open" && sums ? [sums, counted(sums)] : [listed, listed.length];
  return el("li", { class: "tile" }, el("span", { class: "row" }, el("span", { class: `tag ${TONE[state]}` }, nameOf("console-dispute", state))), el("strong", {}, exposure(these)), el("span", { class: "small muted" }, t("console.disputes-count", { count })));
}));

const filter = () => el("p", { class: "row small" }, t("console.only"), ["", DUE, ...STATES].map((state) =>
  el("a", { href: filtered("disputes", state), "aria-current": asked().disputes === state ? "true" : null }, state ? nameOf("console-dispute", state) : t("console.all"))));

const draw = (items, place) => (items.length ? el("ul", { class: "lines" }, items.map((dispute) => el("li", {},
  el("span", { class: `tag ${TONE[dispute.state]}` }, nameOf("console-dispute", dispute.state)),
  el("span", { class: "grow" }, el("strong", {}, parts("console.amount-of", { amount: money(dispute.amount_minor, dispute.currency), person: el("a", { href: personAddress(dispute.viewer) }, dispute.viewer) })), el("span", { class: "small muted" }, t("console.reason-at", { reason: nameOf("console-reason", dispute.reason), time: time(dispute.recorded_at) })), evidence(dispute)),
  may("wallets:read") ? el("button", { class: "tiny", "aria-label": t("console.follow-dispute", { dispute: dispute.dispute }), onclick: (event) => doing(event.currentTarget, () => follow(dispute.viewer, dispute.purchase, place)) }, t("console.follow")) : null))) :
  empty(t("console.disputes-none"), t("console.disputes-none-text")));

/** Until when its evidence is due, of a dispute that the bank has not decided. */
function evidence(dispute) {
  if (dispute.state !== "open") return null;
  if (dispute.evidence_submitted) return el("span", { class: "small" }, t("console.evidence-submitted"));
  if (!dispute.evidence_due_at) return el("span", { class: "small muted" }, t("console.evidence-no-time"));
  const facts = { left: timeLeft(dispute.evidence_due_at), time: time(dispute.evidence_due_at) };
  const isLate = secondsLeft(dispute.evidence_due_at) < 0;
  return el("span", { class: `due ${isLate ? "bad" : isDueSoon(dispute) ? "warn" : "small"}` }, isLate ? t("console.evidence-late", facts) : t("console.evidence-due", facts));
}

function lookUp(place) {
  const viewer = el("input", { name: "viewer", required: true, maxlength: VIEWER_MAX, autocomplete: "off" });
  const purchase = el("input", { name: "purchase", required: true, autocomplete: "off", pattern: "[0-9a-fA-F\\-]{36}", placeholder: t("console.purchase-number") });
  return el("details", {}, el("summary", {}, t("console.any-purchase")), el("form", { class: "fields", onsubmit: (event) => { event.preventDefault(); doing(event.submitter ?? viewer, () => follow(viewer.value.trim(), purchase.value.trim(), place)); } },
    el("label", { class: "field" }, t("console.viewer"), viewer), el("label", { class: "field" }, t("console.purchase"), purchase), el("div", {}, el("button", {}, t("console.follow")))));
}
