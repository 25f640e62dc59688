// Cashing out: where to, a quote that holds for ten minutes, and what became of it.
import { allowance } from "./allowance.js";
import { explanation, reasonOf } from "./appeals.js";
import { find, get, getFile, newKey, path, post, postSurely } from "./api.js";
import { $, diamonds, el, empty, icon, save, show } from "./dom.js";
import { isNamed, nameOf, t } from "./language.js";
import { payeeCard } from "./payees.js";
import { rateInWords } from "./rates.js";
import { card, doing, open, sentence, toast } from "./shell.js";
import { currencyOf, day, fromNow, money, short, time, words } from "./words.js";

const STEPS = ["requested", "approved", "sent", "paid"];
// The payout stays what it is while its rejection is looked at again.
const APPEALS = ["appealed", "appeal-upheld", "appeal-overturned"];
const OVER = ["paid", "failed", "returned", "rejected", "cancelled"];
const LOOK_MS = [800, 1500, 3000, 5000, 8000, 15000];
const DAYS_PROMISED = 5;

/**
 * `changed` is called when diamonds may have moved.
 * @param {{country: string | null}} person
 * @param {() => unknown} changed
 */
export function payouts(person, changed) {
  // In which currency the money should arrive.
  let wanted = null;
  const section = card(t("payout.title"), async () => {
    const [earned, payees, made] = await Promise.all([get("/v1/earnings/me"), get("/v1/payouts/payees"), get("/v1/payouts?limit=20")]);
    const limits = await limitsFor(payees.items);
    const choice = currencies(limits, async (currency) => { wanted = currency; await section.refresh(); $("#currency").focus(); });
    return [choice, ...draw(earned, payees.items, made.items, limits, await allowance(limits), () => { section.refresh(); changed(); })];
  }, { id: "payouts" });

  /** What may be paid out in the wanted currency; until the creator chooses one, in their own. */
  async function limitsFor(payees) {
    const limits = await get(wanted ? path`/v1/payouts/limits?currency=${wanted}` : "/v1/payouts/limits");
    wanted ??= ownCurrency(payees, limits, person.country);
    return wanted === limits.arrives_in ? limits : get(path`/v1/payouts/limits?currency=${wanted}`);
  }
  return section;
}

/** The currency of an account that can be used, or of any that is set; else that of the creator's country, or of the books. */
function ownCurrency(payees, { currencies: payable, arrives_in: usual }, country) {
  const set = payees.filter(({ currency }) => payable.includes(currency));
  const known = set.find(({ obstacles }) => !obstacles.length) ?? set[0];
  if (known) return known.currency;
  const own = country ? currencyOf(country) : usual;
  return payable.includes(own) ? own : usual;
}

function currencies({ currencies: codes, arrives_in: currency }, change) {
  if (codes.length < 2) return null;
  const field = el("select", { id: "currency", onchange: (event) => change(event.currentTarget.value) }, codes.map((code) => el("option", { value: code }, code)));
  field.value = currency;
  return el("label", { class: "field" }, t("payout.arrives-in"), field);
}

function draw(earned, payees, made, limits, allowed, refresh) {
  const timeline = el("div", { class: "stack" });
  if (made.length) followNewest(made[0], timeline, refresh);
  const currency = limits.arrives_in;
  const payee = payees.find((each) => each.currency === currency) ?? null;
  const missing = limits.minimum.missing_diamonds;
  const isReady = payee && !payee.obstacles.length && !missing && earned.value.amount_minor > 0;
  return [
    payeeCard(payee, currency, refresh),
    el("div", { class: "row" },
      el("button", { class: "primary", id: "cash-out", disabled: !isReady, "aria-describedby": missing ? "missing" : null, onclick: (event) => doing(event.currentTarget, () => quote(currency, refresh)) },
        t("payout.cash-out"), " ", diamonds(earned.available_diamonds)),
      missing ? el("span", { class: "small", id: "to-go" }, t("payout.to-go", { count: missing })) : null),
    allowed,
    timeline,
    made.length > 1 ? el("details", {}, el("summary", {}, t("payout.earlier", { count: made.length - 1 })), el("ul", { class: "lines" }, made.slice(1).map(past))) : null,
    made.length ? null : empty(t("payout.none"), t("payout.none-text")),
  ];
}

const past = (payout) => el("li", {}, el("span", { class: "grow" }, el("strong", {}, money(payout.amount_minor, payout.currency)), el("span", { class: "small muted" }, time(payout.requested_at))),
  el("span", { class: `tag ${tone(payout.state)}` }, nameOf("payout-state", payout.state)), diamonds(payout.diamonds), certificate(payout));

/** Of what a payout was, as a file to keep. */
const certificate = ({ payout }) => el("button", { class: "tiny", "aria-label": t("payout.certificate-of", { payout: short(payout) }), onclick: (event) => doing(event.currentTarget, async () => {
  save(await getFile(path`/v1/payouts/${payout}/certificate?format=pdf`), `certificate-${short(payout)}.pdf`);
}) }, t("payout.certificate"));

const tone = (state) => (state === "paid" ? "good" : ["failed", "returned", "rejected"].includes(state) ? "bad" : "warn");

/** The quote locks rate and fee; nothing moves before it is accepted. */
async function quote(currency, refresh) {
  const [offer, { rate }] = await Promise.all([post("/v1/payouts/quotes", { currency }), get("/v1/earnings/me/terms")]);
  const amount = money(offer.amount_minor, offer.currency);
  const fault = el("p", { class: "fault", role: "alert", hidden: true });
  const dialog = open(t("payout.quote"), [
    el("p", { class: "figure" }, amount),
    el("dl", { class: "facts" },
      fact(t("payout.fee"), offer.fee_minor ? money(offer.fee_minor, offer.currency) : t("payout.no-fee")), fact(t("payout.for"), diamonds(offer.diamonds)),
      offer.exchange ? fact(t("payout.exchanged"), t("payout.exchanged-at", { amount: money(offer.value_minor, offer.value_currency), day: day(offer.exchange.as_of) })) : null,
      rate.version === offer.rate_version ? fact(t("rate.title"), rateInWords(rate)) : null,
      fact(t("payout.holds-until"), fromNow(offer.expires_at)), fact(t("payout.arrives"), t("payout.arrives-within", { count: DAYS_PROMISED }))),
    fault,
  ], [el("button", { class: "quiet", onclick: () => dialog.close() }, t("payout.not-now")),
    el("button", { class: "primary", id: "accept", onclick: (event) => doing(event.currentTarget, async () => {
      try {
        await postSurely("/v1/payouts", { quote: offer.quote }, newKey());
        dialog.close();
        toast(t("payout.under-way"));
        refresh();
      } catch (error) {
        fault.hidden = false;
        fault.textContent = sentence(error);
      }
    }) }, t("payout.cash-out-amount", { amount }))]);
}

export const fact = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));

async function followNewest(newest, place, refresh) {
  let payout = null;
  for (const wait of [0, ...LOOK_MS]) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (wait && !place.isConnected) return;
    const found = await find(path`/v1/payouts/${newest.payout}`).catch(() => null);
    if (!found) return;
    const moved = payout && found.state !== payout.state;
    payout = found;
    show(place, steps(payout), explanation(payout, refresh));
    if (moved && OVER.includes(payout.state)) return refresh();
    if (OVER.includes(payout.state)) return;
  }
}

/** A code in words; what a person wrote stays as it is. */
function reasonInWords(reason) {
  if (isNamed("payout-reason", reason)) return nameOf("payout-reason", reason);
  return reasonOf({ code: reason, words: /^[a-z]+(-[a-z]+)*$/.test(reason) ? words(reason) : reason });
}

function steps(payout) {
  const done = payout.timeline;
  const last = done.at(-1).state;
  const coming = OVER.includes(payout.state) ? [] : STEPS.slice(STEPS.indexOf(last === "held" ? "requested" : last) + 1);
  return [
    el("div", { class: "row between" }, el("h3", {}, t("payout.of", { amount: money(payout.amount_minor, payout.currency), count: payout.diamonds })),
      certificate(payout)),
    el("ol", { class: "steps", "aria-label": t("payout.steps") },
      done.map((step) => el("li", { class: `step done ${tone(step.state)}` }, icon(step.state === "held" ? "clock" : "check"),
        el("span", {}, el("strong", {}, APPEALS.includes(step.reason) ? nameOf("payout-step", step.reason) : nameOf("payout-step", step.state)),
          el("span", { class: "small muted" }, whenAndWhy(step, step.state === "held" && payout.state === "held" && step === done.at(-1)))))),
      coming.map((state) => el("li", { class: "step" }, icon("clock"), el("span", { class: "muted" }, nameOf("payout-step", state))))),
  ];
}

function whenAndWhy({ at, reason }, isInReview) {
  const when = isInReview ? t("payout.in-review-since", { when: time(at) }) : time(at);
  return reason && !APPEALS.includes(reason) ? t("payout.when-why", { when, why: reasonInWords(reason) }) : when;
}
