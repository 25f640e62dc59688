// Why a gift or a purchase was refused: what, until when, and what one can do next.
import { get } from "./api.js";
import { balance } from "./balance.js";
import { el } from "./dom.js";
import { isNamed, nameOf, t } from "./language.js";
import { open, sentence } from "./shell.js";
import { fromNow, money, time } from "./words.js";

/** @typedef {{label: string, href?: string, does?: "buy" | "retry"}} Step */
/** @typedef {{title: string, text: string, steps: Step[]}} Explanation */

const LIMITS = { label: t("step.limits"), href: "/wallet#limits" };
const WALLET = { label: t("step.wallet"), href: "/wallet" };
/** @type {Step} */
const COINS = { label: t("step.get-coins"), does: "buy" };
/** @type {Step} */
const AGAIN = { label: t("step.again"), does: "retry" };

const until = (moment) => t("refused.moment", { moment: time(moment), from_now: fromNow(moment) });
const amountOf = (amount, unit) => (unit && unit !== "coins" ? money(amount, unit) : t("amount.coins", { count: amount }));
const FREE = t("refused.free");

/** By the reason of `wallet-refused`. */
const BY_REASON = {
  "self-excluded": async () => onBreak((await get("/v1/wallets/me/limits").catch(() => null))?.excluded_until),
  "wallet-in-debt": async () => {
    const owed = (await balance().catch(() => null))?.debt_coins;
    const text = owed ? t("refused.debt-of", { coins: t("amount.coins", { count: owed }) }) : t("refused.debt-text");
    return { title: t("refused.debt"), text, steps: [COINS, WALLET] };
  },
  "wallet-frozen": () => ({ title: t("refused.frozen"), text: t("refused.frozen-text"), steps: [WALLET] }),
  "no-exchange-rate": () => ({ title: t("refused.no-rate"), text: t("refused.no-rate-text"), steps: [LIMITS] }),
};

/** @type {Record<string, (facts: any, error: any) => Explanation | Promise<Explanation>>} */
const BY_TYPE = {
  "wallet-refused": (facts, error) => (Object.hasOwn(BY_REASON, facts.reason ?? "") ? BY_REASON[facts.reason]() : { title: t("refused.wallet"), text: `${sentence(error)} ${FREE}`, steps: [WALLET] }),
  "self-excluded": (facts) => onBreak(facts.until),
  "limit-exceeded": (facts) => ({ title: t("refused.limit"), text: [limitText(facts), isNamed("limit-renewed", facts.period) && nameOf("limit-renewed", facts.period), FREE].filter(Boolean).join(" "), steps: [LIMITS] }),
  "gift-locked": (facts) => ({ title: t("refused.locked"), text: `${LOCKS[facts.lock]?.(facts) ?? t("refused.locked-text")} ${FREE}`, steps: [] }),
  "too-late": () => ({ title: t("refused.too-late"), text: FREE, steps: [AGAIN] }),
  "count-too-large": (facts) => ({ title: t("refused.too-many"), text: `${t("refused.too-many-text", { count: facts.count_max ?? 1 })} ${FREE}`, steps: [] }),
  "gifts-off": () => ({ title: t("refused.off"), text: `${t("refused.off-text")} ${FREE}`, steps: [] }),
  "purchase-limit-reached": (facts) => ({ title: t("refused.bought"), text: facts.ends_at ? t("refused.bought-until", { until: until(facts.ends_at) }) : t("refused.bought-text"), steps: [LIMITS] }),
  "age-unknown": () => ({ title: t("refused.age"), text: t("refused.age-text"), steps: [] }),
  unreachable: () => ({ title: t("refused.offline"), text: t("refused.offline-text"), steps: [AGAIN] }),
};

const LOCKS = {
  available_from: (facts) => t("refused.lock-from", { moment: until(facts.available_from) }),
  available_until: (facts) => t("refused.lock-until", { moment: time(facts.available_until) }),
  countries: () => t("refused.lock-country"),
  gifter_level_min: (facts) => t("refused.lock-level", { needed: facts.gifter_level_min, level: facts.level ?? 0 }),
  fan_only: () => t("refused.lock-fans"),
};

function onBreak(moment) {
  const text = moment ? t("refused.break-until", { until: until(moment) }) : t("refused.break-text");
  return { title: t("refused.break"), text, steps: [LIMITS] };
}

function limitText({ period, unit, limit, remaining }) {
  const which = isNamed("limit-of", period) ? nameOf("limit-of", period) : t("refused.limit-any");
  const reached = limit === undefined ? t("refused.limit-reached", { which }) : t("refused.limit-is", { which, limit: amountOf(limit, unit) });
  return remaining === undefined ? reached : `${reached} ${t("refused.limit-left", { amount: amountOf(remaining, unit) })}`;
}

/**
 * Explain an error in words.
 * @returns {Promise<Explanation>}
 */
export async function explain(error) {
  const known = Object.hasOwn(BY_TYPE, error.type ?? "") ? BY_TYPE[error.type] : null;
  return known ? known(error.facts, error) : { title: t("refused.title"), text: sentence(error), steps: [] };
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
  const dialog = open(title, [el("p", {}, text)], [el("button", { class: "quiet", onclick: () => dialog.close() }, t("step.close")),
    stepsOf(steps, { buy: after(buy), retry: after(retry) })].flat());
}
