// Where a creator's money goes: an account that is named, or one that the provider's page sets up.
import { path, post, put } from "./api.js";
import { el } from "./dom.js";
import { doing, open, toast } from "./shell.js";
import { time } from "./words.js";

// Who comes back from the provider's page sees soon what the provider says.
const LOOK_MS = [1000, 2000, 4000, 8000, 16000];
let looks = 0;

/** Where money of a currency goes, what still stands in its way, and how to change it. */
export function payeeCard(payee, currency, refresh) {
  const section = el("div", { class: "stack" },
    el("div", { class: "row between" },
      el("p", {}, payee ? ["To ", el("code", {}, payee.destination)] : "Tell us first where your money goes."),
      el("span", { class: "row" },
        el("button", { class: "tiny", id: "payee", onclick: () => name(currency, refresh) }, payee ? "Change" : "Set account"),
        el("button", { class: "tiny quiet", id: "onboard", onclick: (event) => doing(event.currentTarget, () => onboard(currency)) },
          payee?.obstacles.length ? "Continue set-up" : "Set up with the provider"))),
    payee?.obstacles.length ? el("ul", { class: "lines", id: "obstacles" }, payee.obstacles.map((each) => obstacle(each, payee))) : null);
  if (payee?.obstacles.length && looks < LOOK_MS.length) setTimeout(() => section.isConnected && refresh(), LOOK_MS[looks++]);
  return section;
}

const obstacle = (each, payee) => el("li", {}, el("span", { class: "grow" }, each.title,
  each.code === "payee-resting" ? el("span", { class: "small muted" }, `It may be used from ${time(payee.usable_at)}.`) : null));

const legalName = (required) => el("input", { name: "legal_name", required, minlength: 2, maxlength: 140, autocomplete: "name" });
const NAME_HINT = "As it stands on your passport. Only those who pay you out see it.";

function name(currency, refresh) {
  const field = el("input", { name: "destination", required: true, maxlength: 254, autocomplete: "off", placeholder: "acct_…" });
  const person = legalName(false);
  const dialog = open("Where your money goes", [el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      doing(event.submitter ?? field, async () => {
        const wanted = field.value.trim();
        const place = wanted.includes("@") ? { email: wanted } : { destination: wanted };
        await put(path`/v1/payouts/payees/${currency}`, { ...place, ...named(person) });
        dialog.close();
        toast("Your account is noted.");
        refresh();
      });
    },
  }, el("label", { class: "field" }, "Account at the payout provider", field, el("span", { class: "hint" }, "Or your e-mail address there. In the sandbox any name will do, such as acct_ok.")),
  el("label", { class: "field" }, "Legal name of its holder", person, el("span", { class: "hint" }, NAME_HINT)),
  el("footer", {}, el("button", { class: "primary" }, "Save")))]);
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
  open("Who you are", [el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      doing(event.submitter ?? person, () => onboard(currency, named(person)));
    },
  }, el("label", { class: "field" }, "Your legal name", person, el("span", { class: "hint" }, NAME_HINT)),
  el("footer", {}, el("button", { class: "primary" }, "Go on")))]);
  person.focus();
}
