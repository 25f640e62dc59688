// Why a gift or a purchase was refused: what, until when, and what one can do next.
import { get } from "./api.js";
import { balance } from "./balance.js";
import { el } from "./dom.js";
import { open, sentence } from "./shell.js";
import { fromNow, money, number, plural, time, words } from "./words.js";

/** @typedef {{label: string, href?: string, does?: "buy" | "retry"}} Step */
/** @typedef {{title: string, text: string, steps: Step[]}} Explanation */

const LIMITS = { label: "See your limits", href: "/wallet#limits" };
const WALLET = { label: "Open the wallet", href: "/wallet" };
/** @type {Step} */
const COINS = { label: "Get coins", does: "buy" };
/** @type {Step} */
const AGAIN = { label: "Try again", does: "retry" };
const WINDOWS = { gift: "for one gift", day: "for a day", week: "for a week", month: "for a month" };
const RENEWED = { day: "It starts again tomorrow.", week: "It starts again on Monday.", month: "It starts again on the first of the month." };

const until = (moment) => `${time(moment)} (${fromNow(moment)})`;
const amountOf = (amount, unit) => (unit && unit !== "coins" ? money(amount, unit) : plural(amount, "coin"));
const FREE = "It was not sent, and cost nothing.";

/** By the reason of `wallet-refused`. */
const BY_REASON = {
  "self-excluded": async () => onBreak((await get("/v1/wallets/me/limits").catch(() => null))?.excluded_until),
  "wallet-in-debt": async () => {
    const owed = (await balance().catch(() => null))?.debt_coins;
    const what = owed ? `You owe ${plural(owed, "coin")}` : "You owe coins";
    return { title: "Your wallet owes coins", text: `${what}, because a payment was taken back after its coins were spent. The next coins you buy pay for that first; then you can send gifts again.`, steps: [COINS, WALLET] };
  },
  "wallet-frozen": () => ({ title: "Your wallet is stopped", text: "Support stopped your wallet, so no gifts can be sent until they let it go. They can tell you why.", steps: [WALLET] }),
  "no-exchange-rate": () => ({ title: "Your limit cannot be counted", text: "Your spending limit is in a currency in which these coins cannot be counted. Set it in coins instead.", steps: [LIMITS] }),
};

/** @type {Record<string, (facts: any, error: any) => Explanation | Promise<Explanation>>} */
const BY_TYPE = {
  "wallet-refused": (facts, error) => (Object.hasOwn(BY_REASON, facts.reason ?? "") ? BY_REASON[facts.reason]() : { title: "Your wallet did not pay", text: `${sentence(error)} ${FREE}`, steps: [WALLET] }),
  "self-excluded": (facts) => onBreak(facts.until),
  "limit-exceeded": (facts) => ({ title: "Your limit does not allow it", text: [limitText(facts), RENEWED[facts.period], FREE].filter(Boolean).join(" "), steps: [LIMITS] }),
  "gift-locked": (facts) => ({ title: "This gift is not open to you yet", text: `${LOCKS[facts.lock]?.(facts) ?? "It is not open to everyone, everywhere, or at any time."} ${FREE}`, steps: [] }),
  "too-late": () => ({ title: "It took too long", text: FREE, steps: [AGAIN] }),
  "count-too-large": (facts) => ({ title: "Too many at once", text: `At most ${number(facts.count_max ?? 1)} of this gift can be sent at once. ${FREE}`, steps: [] }),
  "gifts-off": () => ({ title: "No gifts at the moment", text: `The creator takes none right now. ${FREE}`, steps: [] }),
  "purchase-limit-reached": (facts) => ({ title: "You bought as much as you can for now", text: facts.ends_at ? `You can buy again from ${until(facts.ends_at)}.` : "You can buy again later.", steps: [LIMITS] }),
  "age-unknown": () => ({ title: "Your age is not known", text: "This is for adults, and the app did not say how old you are. Tell the app your age, and come back.", steps: [] }),
  unreachable: () => ({ title: "There is no connection", text: "Nothing came back, even after several tries. Look at your connection, and at the feed: a gift that arrived is in it.", steps: [AGAIN] }),
};

const LOCKS = {
  available_from: (facts) => `It can be sent from ${until(facts.available_from)}.`,
  available_until: (facts) => `It could be sent until ${time(facts.available_until)}.`,
  countries: () => "It is not offered in your country.",
  gifter_level_min: (facts) => `It needs gifter level ${number(facts.gifter_level_min)}; you are at level ${number(facts.level ?? 0)}.`,
  fan_only: () => "It is for fans: send the fan gift first.",
};

function onBreak(moment) {
  const when = moment ? `until ${until(moment)}` : "that is not over yet";
  return { title: "You are taking a break", text: `You asked for a break ${when}. Until it is over you can neither buy coins nor send gifts, and nobody can end it early.`, steps: [LIMITS] };
}

function limitText({ period, unit, limit, remaining }) {
  const which = `Your limit ${WINDOWS[period] ?? (period ? words(period).toLowerCase() : "of spending")}`;
  const size = limit === undefined ? "" : ` is ${amountOf(limit, unit)}`;
  return remaining === undefined ? `${which}${size || " is reached"}.` : `${which}${size || " is not enough"}; ${amountOf(remaining, unit)} of it ${remaining === 1 ? "is" : "are"} left.`;
}

/**
 * Explain an error in words.
 * @returns {Promise<Explanation>}
 */
export async function explain(error) {
  const known = Object.hasOwn(BY_TYPE, error.type ?? "") ? BY_TYPE[error.type] : null;
  return known ? known(error.facts, error) : { title: "That was refused", text: sentence(error), steps: [] };
}

/** The next steps as buttons and links; `doing` has what the page itself can do. */
export function stepsOf(steps, doing) {
  return steps.map((step, index) => {
    const look = index === 0 ? "primary" : "quiet";
    if (step.href) return el("a", { class: `button ${look}`, href: step.href }, step.label);
    return doing[step.does] ? el("button", { class: look, onclick: doing[step.does] }, step.label) : null;
  });
}

/** Say in a dialog why a gift was refused; the next step closes it. */
export async function refuse(error, { buy, retry }) {
  const { title, text, steps } = await explain(error);
  const after = (act) => () => { dialog.close(); act(); };
  const dialog = open(title, [el("p", {}, text)], [el("button", { class: "quiet", onclick: () => dialog.close() }, "Close"),
    stepsOf(steps, { buy: after(buy), retry: after(retry) })].flat());
}
