// What keeps money from creators: payees a person has to look at, and bank files without a report.
import { get, path, person, post } from "../api.js";
import { el, empty, table } from "../dom.js";
import { nameOf, t } from "../language.js";
import { doing } from "../shell.js";
import { fromNow, money, number, time } from "../words.js";
import { panel } from "./access.js";
import { actionButton } from "./actions.js";
import { personAddress } from "./addresses.js";
import { numbers, texts } from "./columns.js";
import { runbook } from "./runbooks.js";

const NO_BANK_FILES = "no-bank-files";

/** Payees whose names are like a name in a list of sanctions. */
export function payeesToReview() {
  const section = panel(["payees:review"], t("console.payees"), async () => {
    const { items } = await get("/v1/operator/payees");
    if (!items.length) return empty(t("console.payees-none"), t("console.payees-none-text"));
    return [el("ul", { class: "lines" }, items.map((one) => payee(one, () => section.refresh()))), el("p", {}, runbook("waiting-payees"))];
  }, { id: "payees", live: true });
  return section;
}

function payee(one, refresh) {
  const matches = el("div");
  const about = t("console.payee-of", { creator: one.creator, currency: one.currency });
  const show = async () => {
    const found = await get(path`/v1/operator/payees/${person(one.creator)}/${one.currency}`);
    matches.replaceChildren(el("p", { class: "small" }, t("console.payee-named", { name: found.legal_name ?? t("console.none") })),
      el("ul", { class: "small" }, found.matches.map((match) => el("li", {}, Object.values(match).filter((each) => typeof each === "string").join(" · ")))),
      found.payee.obstacles.length ? el("p", { class: "small" }, found.payee.obstacles.map((each) => each.words).join(" ")) : "");
  };
  return el("li", {}, el("span", { class: "grow" }, el("strong", {}, el("a", { href: personAddress(one.creator) }, one.creator), ` ${one.currency}`),
    el("span", { class: "small muted" }, t("console.screened", { time: fromNow(one.screened_at) })), matches),
  el("button", { class: "tiny quiet", "aria-label": t("console.matches-of", { payee: about }), onclick: (event) => doing(event.currentTarget, show) }, t("console.matches")),
  actionButton(t("console.clear"), t("console.clear-about", { payee: about }), () => ({
    title: t("console.clear-title"), touches: [[t("console.person"), one.creator], [t("console.currency"), one.currency]], effect: t("console.clear-effect"), yes: t("console.clear"), done: refresh,
    send: async ({ reason }) => { await post(path`/v1/operator/payees/${person(one.creator)}/${one.currency}/clear`, { reason }); return t("console.cleared"); },
  })));
}

/** The newest bank files, and whether the bank said what became of their payments. */
export const bankFiles = () => panel(["bank-files:write"], t("console.bank-files"), async () => {
  let items;
  try {
    ({ items } = await get("/v1/operator/bank-files"));
  } catch (error) {
    if (error.type !== NO_BANK_FILES) throw error;
    return empty(t("console.bank-files-off"), t("console.bank-files-off-text"));
  }
  if (!items.length) return empty(t("console.bank-files-none"), t("console.bank-files-none-text"));
  return [table(t("console.bank-files"), [...texts("console.when", "console.made-by"), ...numbers("console.payments", "console.money", "console.unreported")],
    items.map((file) => [el("span", { title: file.file }, time(file.made_at)), file.made_by, number(file.payments), money(file.amount_minor, file.currency),
      file.unreported ? el("span", { class: "tag warn" }, number(file.unreported)) : el("span", { class: "tag good" }, nameOf("console-state", "reported"))])),
  el("p", {}, runbook("bank-file"))];
}, { id: "bank-files", live: true });
