// What a creator does for the people in a room: set goals, offer perks, greet and thank.
import { get, newKey, path, post, remove } from "./api.js";
import { coins, el, empty, icon, show } from "./dom.js";
import { badge } from "./feed.js";
import { nameOf, parts, t } from "./language.js";
import { avatar, who } from "./people.js";
import { card, doing, open, toast } from "./shell.js";
import { goalBar } from "./side.js";
import { tabs } from "./tabs.js";
import { day } from "./words.js";

const KINDS = ["shout_out", "behind_the_scenes", "exclusive_chat", "custom"];
const SHOWN = 10;
const INCOME_DAYS = 30;
const DAY_MS = 86_400_000;

/** @param {{list: () => Promise<{room: string, stream: object | null}[]>, onChange: (listener: () => unknown) => void}} rooms */
export function studio(rooms) {
  const goals = card(t("goal.title"), async () => drawGoals(await rooms.list(), () => goals.refresh()), { id: "goals" });
  // A goal is of a room, and there may be a new one.
  rooms.onChange(goals.refresh);
  const perks = card(t("perk.title"), () => drawPerks(() => perks.refresh()), { id: "perks" });
  const supporters = card(t("supporter.title"), drawSupporters, { id: "supporters" });
  return { goals, perks, supporters };
}

async function drawGoals(rooms, refresh) {
  const { goals } = await get("/v1/creators/me/goals");
  return [
    goals.length ? el("ul", { class: "stack" }, goals.map((goal) => goalLine(goal, refresh))) : empty(t("goal.none"), t("goal.none-text")),
    newGoal(rooms, refresh),
  ];
}

const goalLine = (goal, refresh) => el("li", { class: "goal-line" }, goalBar(goal),
  el("div", { class: "row between small muted" },
    el("span", {}, goal.room ? t("goal.in-room", { room: goal.room }) : t("goal.anywhere"), el("br"), t("amount.gifters", { count: goal.contributors })),
    goal.ends_at ? el("span", {}, t("goal.until", { day: day(goal.ends_at) })) : null,
    el("button", { class: "tiny quiet", "aria-label": t("goal.remove-named", { goal: goal.title }), onclick: (event) => doing(event.currentTarget, async () => { await remove(path`/v1/creators/me/goals/${goal.goal}`); refresh(); }) }, t("goal.remove"))));

function newGoal(rooms, refresh) {
  const title = el("input", { name: "goal", maxlength: 120, required: true, autocomplete: "off", placeholder: t("goal.example") });
  const target = el("input", { name: "target", type: "number", min: 1, max: 1_000_000_000, required: true, inputmode: "numeric" });
  // The room one is live in comes first: a goal of a room begins now.
  const sorted = [...rooms].sort((one, other) => Number(Boolean(other.stream)) - Number(Boolean(one.stream)));
  const where = el("select", { name: "where" }, sorted.map(({ room }) => el("option", { value: room }, t("goal.of-room", { room }))), el("option", { value: "" }, t("goal.of-income", { count: INCOME_DAYS })));
  return el("form", { class: "stack", onsubmit: (event) => {
    event.preventDefault();
    const body = { title: title.value.trim(), target_coins: Number(target.value) };
    const about = where.value ? { room: where.value } : { ends_at: new Date(Date.now() + INCOME_DAYS * DAY_MS).toISOString() };
    doing(event.submitter ?? title, async () => { await post("/v1/creators/me/goals", { ...body, ...about }, newKey()); toast(t("goal.is-set")); refresh(); });
  } }, el("div", { class: "fields" }, el("label", { class: "field" }, t("goal.name"), title), el("label", { class: "field" }, t("goal.coins"), target), el("label", { class: "field" }, t("goal.counts"), where)),
  el("div", {}, el("button", {}, icon("plus"), t("goal.set"))));
}

async function drawPerks(refresh) {
  const { perks } = await get("/v1/creators/me/perks");
  return [
    perks.length ? el("ul", { class: "lines" }, perks.map((perk) => perkLine(perk, refresh))) : empty(t("perk.none"), t("perk.none-text")),
    newPerk(refresh), redeem(),
  ];
}

const perkLine = (perk, refresh) => el("li", {}, el("span", { class: "grow" }, el("strong", {}, perk.title),
  el("span", { class: "small muted" }, perk.uses ? t("perk.kind-uses", { kind: nameOf("perk-kind", perk.kind), count: perk.uses }) : nameOf("perk-kind", perk.kind)),
  perk.description ? el("span", { class: "small muted" }, perk.description) : null), coins(perk.threshold_coins),
el("button", { class: "tiny quiet", "aria-label": t("perk.withdraw-named", { perk: perk.title }), onclick: (event) => doing(event.currentTarget, async () => { await remove(path`/v1/creators/me/perks/${perk.perk}`); refresh(); }) }, t("perk.withdraw")));

function newPerk(refresh) {
  const kind = el("select", { name: "kind" }, KINDS.map((code) => el("option", { value: code }, nameOf("perk-kind", code))));
  const title = el("input", { name: "perk", maxlength: 120, required: true, autocomplete: "off" });
  const threshold = el("input", { name: "threshold", type: "number", min: 1, max: 1_000_000_000, required: true, inputmode: "numeric" });
  const uses = el("input", { name: "uses", type: "number", min: 1, max: 1000, placeholder: t("perk.no-end"), inputmode: "numeric" });
  return el("details", {}, el("summary", {}, t("perk.offer-one")), el("form", { class: "stack", onsubmit: (event) => {
    event.preventDefault();
    const body = { kind: kind.value, title: title.value.trim(), threshold_coins: Number(threshold.value), uses: uses.value ? Number(uses.value) : null };
    doing(event.submitter ?? title, async () => { await post("/v1/creators/me/perks", body, newKey()); toast(t("perk.is-offered")); refresh(); });
  } }, el("div", { class: "fields" }, el("label", { class: "field" }, t("perk.kind"), kind), el("label", { class: "field" }, t("perk.name"), title),
    el("label", { class: "field" }, t("perk.threshold"), threshold), el("label", { class: "field" }, t("perk.uses"), uses)), el("div", {}, el("button", {}, t("perk.offer")))));
}

/** A supporter shows the code of what they unlocked; here it is looked at and used up. */
function redeem() {
  const code = el("input", { name: "code", required: true, autocomplete: "off", pattern: "[0-9a-fA-F\\-]{36}", placeholder: "00000000-0000-…" });
  const found = el("div", { class: "stack", role: "status" });
  const look = async () => {
    const claim = await get(path`/v1/entitlements/${code.value.trim()}`);
    show(found, el("p", {}, parts("perk.claim", { perk: el("strong", {}, claim.title), viewer: who(claim.viewer), day: day(claim.unlocked_at) })),
      el("p", { class: "small" }, usesOf(claim)),
      claim.usable ? el("button", { class: "primary", onclick: (event) => doing(event.currentTarget, async () => { await post(path`/v1/entitlements/${claim.entitlement}/use`, {}, newKey()); toast(t("perk.used")); await look(); }) }, t("perk.use")) : null);
  };
  return el("details", {}, el("summary", {}, t("perk.check")), el("form", { class: "stack", onsubmit: (event) => { event.preventDefault(); doing(event.submitter ?? code, look); } },
    el("label", { class: "field" }, t("perk.code"), code), el("div", {}, el("button", {}, t("perk.look")))), found);
}

function usesOf({ withdrawn, uses_left: left }) {
  if (withdrawn) return t("perk.withdrawn");
  return left === null ? t("perk.uses-endless") : t("perk.uses-left", { count: left });
}

async function drawSupporters() {
  const [top, fresh] = await Promise.all(["top", "new"].map((order) => get(path`/v1/creators/me/supporters?order=${order}&limit=${SHOWN}`)));
  const list = (items, text) => (items.length ? el("ol", { class: "lines" }, items.map((one) => el("li", {}, avatar(one.viewer),
    el("span", { class: "grow" }, el("span", {}, who(one.viewer), badge(one.level)), el("span", { class: "small muted" }, t("supporter.since", { gifts: t("amount.gifts", { count: one.gifts }), day: day(one.first_at) }))), coins(one.coins)))) : empty(t("supporter.none"), text));
  return tabs(t("supporter.title"), [
    { id: "top", title: t("supporter.top"), content: list(top.items, t("supporter.top-text")) },
    { id: "new", title: t("supporter.new"), content: list(fresh.items, t("supporter.new-text")) },
  ]);
}

/** Thank somebody for a gift, for the whole room to see. */
export function thank(room, gift) {
  const message = el("input", { name: "thanks", maxlength: 80, autocomplete: "off", placeholder: t("thanks.example") });
  const dialog = open(parts("creator.thank-title", { viewer: who(gift.viewer) }), [el("form", { onsubmit: (event) => {
    event.preventDefault();
    doing(event.submitter ?? message, async () => {
      await post(path`/v1/rooms/${room}/thanks`, { gift: gift.gift, ...(message.value.trim() ? { message: message.value.trim() } : {}) });
      dialog.close();
      toast(t("thanks.seen"));
    });
  } }, el("label", { class: "field" }, t("thanks.words"), message), el("footer", {}, el("button", { class: "primary" }, t("thanks.send"))))]);
  message.focus();
}
