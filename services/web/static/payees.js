// Where a creator's money goes: an account that is named, or one that the provider's page sets up.
import { path, post, put } from "./api.js";
import { el } from "./dom.js";
import { parts, t, titleOf } from "./language.js";
import { doing, open, toast } from "./shell.js";
import { time } from "./words.js";

// Who comes back from the provider's page sees soon what the provider says.
const LOOK_MS = [1000, 2000, 4000, 8000, 16000];
let looks = 0;

/** Where money of a currency goes, what still stands in its way, and how to change it. */
export function payeeCard(payee, currency, refresh) {
  const section = el("div", { class: "stack" },
    el("div", { class: "row between" },
      el("p", {}, payee ? parts("payee.to", { account: el("code", {}, payee.destination) }) : t("payee.missing")),
      el("span", { class: "row" },
        el("button", { class: "tiny", id: "payee", onclick: () => name(currency, refresh) }, payee ? t("step.change") : t("payee.set")),
        el("button", { class: "tiny quiet", id: "onboard", onclick: (event) => doing(event.currentTarget, () => onboard(currency)) },
          t(payee?.obstacles.length ? "payee.go-on" : "payee.set-up")))),
    payee?.obstacles.length ? el("ul", { class: "lines", id: "obstacles" }, payee.obstacles.map((each) => obstacle(each, payee))) : null);
  if (payee?.obstacles.length && looks < LOOK_MS.length) setTimeout(() => section.isConnected && refresh(), LOOK_MS[looks++]);
  return section;
}

function obstacle({ code, title }, payee) {
  const text = el("span", {}, title);
  titleOf(code, title).then((found) => { text.textContent = found; });
  return el("li", {}, el("span", { class: "grow" }, text,
    code === "payee-resting" ? el("span", { class: "small muted" }, t("payee.usable-from", { when: time(payee.usable_at) })) : null));
}

const legalName = (required) => el("input", { name: "legal_name", required, minlength: 2, maxlength: 140, autocomplete: "name" });

function name(currency, refresh) {
  const field = el("input", { name: "destination", required: true, maxlength: 254, autocomplete: "off", placeholder: "acct_…" });
  const person = legalName(false);
  const dialog = open(t("payee.title"), [el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      doing(event.submitter ?? field, async () => {
        const wanted = field.value.trim();
        const place = wanted.includes("@") ? { email: wanted } : { destination: wanted };
        await put(path`/v1/payouts/payees/${currency}`, { ...place, ...named(person) });
        dialog.close();
        toast(t("payee.noted"));
        refresh();
      });
    },
  }, el("label", { class: "field" }, t("payee.account"), field, el("span", { class: "hint" }, t("payee.account-hint"))),
  el("label", { class: "field" }, t("payee.holder"), person, el("span", { class: "hint" }, t("payee.name-hint"))),
  el("footer", {}, el("button", { class: "primary" }, t("step.save"))))]);
  field.focus();
}

const named = (field) => (field.value.trim() ? { legal_name: field.value.trim() } : {});

/** The provider's page asks for what it needs, and leads back here. */
async function onboard(currency, about = {}) {
  try {
    const link = await post(path`/v1/payouts/payees/${currency}/onboarding`, about);
    window.location.assign(link.url);
  } catch (error) {
    if (error.type !== "legal-name-missing") throw error;
    askName(currency);
  }
}

function askName(currency) {
  const person = legalName(true);
  open(t("payee.who"), [el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      doing(event.submitter ?? person, () => onboard(currency, named(person)));
    },
  }, el("label", { class: "field" }, t("payee.your-name"), person, el("span", { class: "hint" }, t("payee.name-hint"))),
  el("footer", {}, el("button", { class: "primary" }, t("payee.next"))))]);
  person.focus();
}
