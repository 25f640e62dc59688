// Cashing out: where to, a quote that holds for ten minutes, and what became of it.
import { allowance } from "./allowance.js";
import { explanation } from "./appeals.js";
import { find, get, getFile, newKey, path, post, postSurely } from "./api.js";
import { $, diamonds, el, empty, icon, save, show } from "./dom.js";
import { payeeCard } from "./payees.js";
import { card, doing, open, sentence, toast } from "./shell.js";
import { day, fromNow, money, number, short, time, words } from "./words.js";

const STEPS = ["requested", "approved", "sent", "paid"];
const STATES = {
  requested: "Noted, and its diamonds set aside", held: "A person looks at it", approved: "Approved", sent: "On its way to you",
  paid: "Arrived", failed: "Did not work; your diamonds are back", returned: "Came back; your diamonds are back", rejected: "Declined; your diamonds are back",
};
const REASONS = {
  unclaimed: "it waits for you to open an account or confirm your address there", "on-hold": "it is checked before it arrives",
  reversed: "money came back; its diamonds are yours again",
};
// The payout stays what it is while its rejection is looked at again.
const APPEALS = { appealed: "You appealed", "appeal-upheld": "The decision stands", "appeal-overturned": "The decision was wrong" };
const OVER = ["paid", "failed", "returned", "rejected", "cancelled"];
const LOOK_MS = [800, 1500, 3000, 5000, 8000, 15000];
const DAYS_PROMISED = 5;

/** `changed` is called when diamonds may have moved. */
export function payouts(changed) {
  // In which currency the money should arrive: that of the creator's rate until they choose.
  let wanted = null;
  const section = card("Cash out", async () => {
    const [earned, payees, made, limits] = await Promise.all([
      get("/v1/earnings/me"), get("/v1/payouts/payees"), get("/v1/payouts?limit=20"),
      get(wanted ? path`/v1/payouts/limits?currency=${wanted}` : "/v1/payouts/limits")]);
    const choice = currencies(limits, async (currency) => { wanted = currency; await section.refresh(); $("#currency").focus(); });
    return [choice, ...draw(earned, payees.items, made.items, limits, await allowance(limits), () => { section.refresh(); changed(); })];
  }, { id: "payouts" });
  return section;
}

function currencies({ currencies: codes, arrives_in: currency }, change) {
  if (codes.length < 2) return null;
  const field = el("select", { id: "currency", onchange: (event) => change(event.currentTarget.value) }, codes.map((code) => el("option", { value: code }, code)));
  field.value = currency;
  return el("label", { class: "field" }, "Arrives in", field);
}

function draw(earned, payees, made, limits, allowed, refresh) {
  const timeline = el("div", { class: "stack" });
  if (made.length) followNewest(made[0], timeline, refresh);
  const currency = limits.arrives_in;
  const payee = payees.find((each) => each.currency === currency) ?? null;
  const ready = payee && !payee.obstacles.length;
  return [
    payeeCard(payee, currency, refresh),
    el("button", { class: "primary", id: "cash-out", disabled: !ready || !earned.value.amount_minor, onclick: (event) => doing(event.currentTarget, () => quote(currency, refresh)) },
      "Cash out ", diamonds(earned.available_diamonds)),
    allowed,
    timeline,
    made.length > 1 ? el("details", {}, el("summary", {}, `Earlier payouts (${made.length - 1})`), el("ul", { class: "lines" }, made.slice(1).map(statement))) : null,
    made.length ? null : empty("No payout yet", "You see what you get before you decide: rate, fee and amount."),
  ];
}

const statement = (payout) => el("li", {}, el("span", { class: "grow" }, el("strong", {}, money(payout.amount_minor, payout.currency)), el("span", { class: "small muted" }, time(payout.requested_at))),
  el("span", { class: `tag ${tone(payout.state)}` }, words(payout.state)), diamonds(payout.diamonds), certificate(payout));

/** Of what a payout was, as a file to keep. */
const certificate = ({ payout }) => el("button", { class: "tiny", "aria-label": `Certificate of payout ${short(payout)}`, onclick: (event) => doing(event.currentTarget, async () => {
  save(await getFile(path`/v1/payouts/${payout}/certificate?format=pdf`), `certificate-${short(payout)}.pdf`);
}) }, "Certificate");

const tone = (state) => (state === "paid" ? "good" : ["failed", "returned", "rejected"].includes(state) ? "bad" : "warn");

/** The quote locks rate and fee; nothing moves before it is accepted. */
async function quote(currency, refresh) {
  const offer = await post("/v1/payouts/quotes", { currency });
  const fault = el("p", { class: "fault", role: "alert", hidden: true });
  const dialog = open("Your quote", [
    el("p", { class: "figure" }, money(offer.amount_minor, offer.currency)),
    el("dl", { class: "facts" },
      fact("Fee", offer.fee_minor ? money(offer.fee_minor, offer.currency) : "none"), fact("For", diamonds(offer.diamonds)),
      offer.exchange ? fact("Exchanged", `${money(offer.value_minor, offer.value_currency)} at the rate of ${day(offer.exchange.as_of)}`) : null,
      fact("Rate", `version ${offer.rate_version}`), fact("Holds until", fromNow(offer.expires_at)), fact("Arrives", `usually within ${DAYS_PROMISED} working days`)),
    fault,
  ], [el("button", { class: "quiet", onclick: () => dialog.close() }, "Not now"),
    el("button", { class: "primary", id: "accept", onclick: (event) => doing(event.currentTarget, async () => {
      try {
        await postSurely("/v1/payouts", { quote: offer.quote }, newKey());
        dialog.close();
        toast("Your payout is under way.");
        refresh();
      } catch (error) {
        fault.hidden = false;
        fault.textContent = sentence(error);
      }
    }) }, `Cash out ${money(offer.amount_minor, offer.currency)}`)]);
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
const said = (reason) => REASONS[reason] ?? (/^[a-z]+(-[a-z]+)*$/.test(reason) ? words(reason).toLowerCase() : reason);

function steps(payout) {
  const done = payout.timeline;
  const coming = OVER.includes(payout.state) ? [] : STEPS.slice(STEPS.indexOf(done.at(-1).state === "held" ? "requested" : done.at(-1).state) + 1);
  return [
    el("div", { class: "row between" }, el("h3", {}, `Payout of ${money(payout.amount_minor, payout.currency)} for ${number(payout.diamonds)} diamonds`),
      certificate(payout)),
    el("ol", { class: "steps", "aria-label": "What happened so far" },
      done.map((step) => el("li", { class: `step done ${tone(step.state)}` }, icon(step.state === "held" ? "clock" : "check"),
        el("span", {}, el("strong", {}, APPEALS[step.reason] ?? STATES[step.state] ?? words(step.state)),
          el("span", { class: "small muted" }, `${time(step.at)}${step.reason && !APPEALS[step.reason] ? `: ${said(step.reason)}` : ""}`)))),
      coming.map((state) => el("li", { class: "step" }, icon("clock"), el("span", { class: "muted" }, STATES[state])))),
  ];
}
