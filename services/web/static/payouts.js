// Cashing out: where to, a quote that holds for ten minutes, and what became of it.
import { find, get, newKey, path, post, postSurely, put } from "./api.js";
import { diamonds, el, empty, icon, show } from "./dom.js";
import { card, doing, open, sentence, toast } from "./shell.js";
import { fromNow, money, number, time, words } from "./words.js";

const STEPS = ["requested", "approved", "sent", "paid"];
const STATES = {
  requested: "Noted, and its diamonds set aside", held: "A person looks at it", approved: "Approved", sent: "On its way to you",
  paid: "Arrived", failed: "Did not work; your diamonds are back", returned: "Came back; your diamonds are back", rejected: "Declined; your diamonds are back",
};
const OVER = ["paid", "failed", "returned", "rejected", "cancelled"];
const LOOK_MS = [800, 1500, 3000, 5000, 8000, 15000];
const DAYS_PROMISED = 5;

export function payouts() {
  const section = card("Cash out", async () => {
    const [earned, payee, made] = await Promise.all([get("/v1/earnings/me"), payeeOf(), get("/v1/payouts?limit=20")]);
    return draw(earned, payee, made.items, () => section.refresh());
  }, { id: "payouts" });
  return section;
}

/** Not having said where the money goes is no error. */
async function payeeOf() {
  try {
    return await get("/v1/payouts/payee");
  } catch (error) {
    if (error.type === "payee-missing") return null;
    throw error;
  }
}

function draw(earned, payee, made, refresh) {
  const timeline = el("div", { class: "stack" });
  if (made.length) followNewest(made[0], timeline, refresh);
  return [
    el("div", { class: "row between" },
      el("p", {}, payee ? ["To ", el("code", {}, payee.destination)] : "Tell us first where your money goes."),
      el("button", { class: "tiny", id: "payee", onclick: () => changePayee(payee, refresh) }, payee ? "Change" : "Set account")),
    el("button", { class: "primary", id: "cash-out", disabled: !payee || !earned.value.amount_minor, onclick: (event) => doing(event.currentTarget, () => quote(refresh)) },
      "Cash out ", diamonds(earned.available_diamonds)),
    timeline,
    made.length > 1 ? el("details", {}, el("summary", {}, `Earlier payouts (${made.length - 1})`), el("ul", { class: "lines" }, made.slice(1).map(statement))) : null,
    made.length ? null : empty("No payout yet", "You see what you get before you decide: rate, fee and amount."),
  ];
}

const statement = (payout) => el("li", {}, el("span", { class: "grow" }, el("strong", {}, money(payout.amount_minor, payout.currency)), el("span", { class: "small muted" }, time(payout.requested_at))),
  el("span", { class: `tag ${tone(payout.state)}` }, words(payout.state)), diamonds(payout.diamonds));

const tone = (state) => (state === "paid" ? "good" : ["failed", "returned", "rejected"].includes(state) ? "bad" : "warn");

function changePayee(payee, refresh) {
  const field = el("input", { name: "destination", required: true, maxlength: 64, value: payee?.destination ?? "", autocomplete: "off", placeholder: "acct_…" });
  const dialog = open("Where your money goes", [el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      doing(event.submitter ?? field, async () => { await put("/v1/payouts/payee", { destination: field.value.trim() }); dialog.close(); toast("Your account is noted."); refresh(); });
    },
  }, el("label", { class: "field" }, "Account at the payout provider", field, el("span", { class: "hint" }, "In the sandbox any name will do, such as acct_ok.")),
  el("footer", {}, el("button", { class: "primary" }, "Save")))]);
  field.focus();
}

/** The quote locks rate and fee; nothing moves before it is accepted. */
async function quote(refresh) {
  const offer = await post("/v1/payouts/quotes", {});
  const fault = el("p", { class: "fault", role: "alert", hidden: true });
  const dialog = open("Your quote", [
    el("p", { class: "figure" }, money(offer.amount_minor, offer.currency)),
    el("dl", { class: "facts" },
      fact("For", diamonds(offer.diamonds)), fact("Fee", offer.fee_minor ? money(offer.fee_minor, offer.currency) : "none"),
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
    show(place, steps(payout));
    if (moved && OVER.includes(payout.state)) return refresh();
    if (OVER.includes(payout.state)) return;
  }
}

function steps(payout) {
  const done = payout.timeline;
  const coming = OVER.includes(payout.state) ? [] : STEPS.slice(STEPS.indexOf(done.at(-1).state === "held" ? "requested" : done.at(-1).state) + 1);
  return [
    el("h3", {}, `Payout of ${money(payout.amount_minor, payout.currency)} for ${number(payout.diamonds)} diamonds`),
    el("ol", { class: "steps", "aria-label": "What happened so far" },
      done.map((step) => el("li", { class: `step done ${tone(step.state)}` }, icon(step.state === "held" ? "clock" : "check"),
        el("span", {}, el("strong", {}, STATES[step.state] ?? words(step.state)), el("span", { class: "small muted" }, `${time(step.at)}${step.reason ? `: ${words(step.reason).toLowerCase()}` : ""}`)))),
      coming.map((state) => el("li", { class: "step" }, icon("clock"), el("span", { class: "muted" }, STATES[state])))),
  ];
}
