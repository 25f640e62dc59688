// Beside the stage: who gave most, what the room works towards, what giving unlocks.
import { find, get } from "./api.js";
import { $, avatar, coins, el, empty, icon, show } from "./dom.js";
import { badge } from "./feed.js";
import { number, plural } from "./words.js";

// Many gifts, one look.
const LOOK_AFTER_MS = 2000;
const TOP = 10;
const PERIODS = [["stream", "Stream"], ["day", "Today"], ["week", "Week"], ["all", "All time"]];

export function build({ room, creator, person }) {
  const path = `/v1/rooms/${encodeURIComponent(room)}`;
  const standing = el("div", { class: "stack" });
  const goals = el("div", { class: "stack" });
  const perks = el("div", { class: "stack" });
  let period = "all";
  let timer = null;

  const periods = el("div", { class: "chips", role: "group", "aria-label": "Since when" }, PERIODS.map(([code, name]) =>
    el("button", { class: "chip", "aria-pressed": String(code === period), onclick: (event) => {
      period = code;
      for (const other of periods.children) other.setAttribute("aria-pressed", String(other === event.currentTarget));
      look();
    } }, name)));

  async function look() {
    await Promise.all([drawStanding(), drawGoals()]).catch(() => {});
  }

  async function drawStanding() {
    const found = await get(`${path}/standing?period=${period}&limit=${TOP}`);
    show(standing, periods, found.items.length ? el("ol", { class: "lines ranks" }, found.items.map((one) => place(one, person))) :
      empty("Nobody yet", "Whoever gives first leads."), found.me && !found.items.some((one) => one.viewer === person.user) ? mine(found.me) : null);
  }

  async function drawGoals() {
    const { items } = await find(`${path}/goals`, { items: [] });
    show(goals, items.map((goal) => goalBar(goal)));
    if (!items.length) show(goals, empty("No goal at the moment", `${creator} has not set one.`));
    const open = items.find((goal) => goal.progress_coins < goal.target_coins) ?? items[0];
    show($("#stage-goal"), open ? goalBar(open) : null);
  }

  async function drawPerks() {
    const [offered, own] = await Promise.all([
      find(`/v1/creators/${encodeURIComponent(creator)}/perks`, { items: [] }),
      find("/v1/rooms/entitlements/me", { items: [] }),
    ]);
    show(perks, offered.items.length ? el("ul", { class: "lines" }, offered.items.map((perk) => perkLine(perk, own.items))) :
      empty("No perks yet", `What ${creator} offers to supporters shows up here.`));
  }

  look();
  return {
    panes: [
      { id: "standing", title: "Top gifters", content: standing, opened: look },
      { id: "perks", title: "Goals & perks", content: [goals, perks], opened: () => { look(); drawPerks().catch(() => {}); } },
    ],
    changed: () => { timer ??= setTimeout(() => { timer = null; if (!document.hidden) look(); }, LOOK_AFTER_MS); },
  };
}

function place(one, person) {
  const name = one.viewer ?? "Anonymous";
  return el("li", { class: one.viewer === person.user ? "own" : null },
    el("span", { class: `rank rank-${one.rank}` }, one.rank === 1 ? icon("crown") : String(one.rank)), avatar(name),
    el("span", { class: "grow" }, el("strong", {}, name, one.level ? badge(one.level) : null), el("span", { class: "small muted" }, plural(one.gifts, "gift"))),
    coins(one.coins));
}

const mine = (own) => el("p", { class: "mine" }, own.rank ? `You are number ${number(own.rank)} with ` : "You gave ", coins(own.coins));

export function goalBar(goal) {
  const reached = goal.progress_coins >= goal.target_coins;
  return el("div", { class: "goal" },
    el("div", { class: "row between" }, el("strong", {}, goal.title), reached ? el("span", { class: "tag good" }, icon("check"), "reached") :
      el("span", { class: "small" }, `${number(goal.progress_coins)} / ${number(goal.target_coins)}`)),
    el("progress", { class: "track", max: goal.target_coins, value: Math.min(goal.progress_coins, goal.target_coins), "aria-label": `${goal.title}: ${number(goal.progress_coins)} of ${number(goal.target_coins)} coins` }));
}

function perkLine(perk, own) {
  const mine = own.find((one) => one.perk === perk.perk);
  return el("li", {}, el("span", { class: "perk-icon" }, icon("star")),
    el("span", { class: "grow" }, el("strong", {}, perk.title), el("span", { class: "small muted" }, perk.description ?? ""), mine ? el("span", { class: "small" }, mine.uses ? `${mine.uses - mine.used} of ${mine.uses} left` : "yours") : null),
    mine ? el("span", { class: "tag good" }, icon("check"), "unlocked") : coins(perk.threshold_coins));
}
