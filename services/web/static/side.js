// Beside the stage: who gave most, what the room works towards, what giving unlocks.
import { get, path, person as segmentOf, put } from "./api.js";
import { $, avatar, coins, el, empty, icon, show, who } from "./dom.js";
import { badge } from "./feed.js";
import { sentence, toast } from "./shell.js";
import { number, plural } from "./words.js";

// Many gifts, one look.
const LOOK_AFTER_MS = 2000;
const TOP = 10;
const PERIODS = [["stream", "Stream"], ["day", "Today"], ["week", "Week"], ["all", "All time"]];

export function build({ room, creator, person, live }) {
  const leaderboard = el("div", { class: "stack" });
  const goals = el("div", { class: "stack" });
  const perks = el("div", { class: "stack" });
  let period = "all";
  let timer = null;

  const periods = el("div", { class: "chips", role: "group", "aria-label": "Since when" }, PERIODS.filter(([code]) => live || code !== "stream").map(([code, name]) =>
    el("button", { class: "chip", "aria-pressed": String(code === period), onclick: (event) => {
      period = code;
      for (const other of periods.children) other.setAttribute("aria-pressed", String(other === event.currentTarget));
      look();
    } }, name)));

  async function look() {
    const seen = !leaderboard.closest("[role=tabpanel]")?.hidden;
    await Promise.all([seen && drawLeaderboard(), drawGoals()]).catch(({ status }) => { if (isPassing(status)) changed(); });
  }

  function changed() {
    if (timer === null) timer = setTimeout(() => { timer = null; if (!document.hidden) look(); }, LOOK_AFTER_MS);
  }

  async function drawLeaderboard() {
    const found = await get(path`/v1/rooms/${room}/standing?period=${period}&limit=${TOP}`);
    const top = found.top_gifters;
    show(leaderboard, periods, el("p", { class: "small muted" }, plural(found.gifts, "gift"), " from ", plural(found.gifters, "gifter"), ", ", coins(found.coins)),
      top.length ? el("ol", { class: "lines ranks" }, top.map((one, index) => place(one, index + 1, person))) : empty("Nobody yet", "Whoever gives first leads."),
      found.me.coins && !top.some((one) => one.viewer === person.user) ? mine(found.me) : null, await ownBadge());
  }

  async function drawGoals() {
    const found = (await get(path`/v1/rooms/${room}/goals`)).goals;
    show(goals, found.map((goal) => goalBar(goal)));
    if (!found.length) show(goals, empty("No goal at the moment", `${creator} has not set one.`));
    const open = found.find((goal) => !goal.reached) ?? found[0];
    show($("#stage-goal"), open ? goalBar(open) : null);
  }

  async function drawPerks() {
    const [offered, own] = await Promise.all([
      get(path`/v1/creators/${segmentOf(creator)}/perks`), get("/v1/gifters/me/entitlements?limit=100"),
    ]);
    show(perks, offered.perks.length ? el("ul", { class: "lines" }, offered.perks.map((perk) => perkLine(perk, own.items))) :
      empty("No perks yet", `What ${creator} offers to supporters shows up here.`));
  }

  look();
  // Nobody looks while nobody sees it; whoever comes back sees how things are now.
  document.addEventListener("visibilitychange", () => { if (leaderboard.isConnected) changed(); });
  return {
    changed,
    panes: [
      { id: "standing", title: "Top gifters", content: leaderboard, opened: look },
      { id: "perks", title: "Goals & perks", content: [goals, perks], opened: () => { look(); drawPerks().catch(() => {}); } },
    ],
  };
}

/** No answer, too many questions, or trouble on the other side: worth another look. */
const isPassing = (status) => status === 0 || status === 429 || status >= 500;

/** One's own level, how far the next one is, and whether one's name may be shown. */
async function ownBadge() {
  const own = await get("/v1/gifters/me");
  const hidden = el("input", { type: "checkbox", onchange: () => put("/v1/gifters/me", { hidden: hidden.checked }).catch((error) => toast(sentence(error), "bad")) });
  hidden.checked = own.hidden;
  return el("div", { class: "own-badge" }, el("p", {}, "You: ", badge(own.level), own.next_level_coins ? ` ${number(own.next_level_coins - own.given_coins)} coins to level ${own.level + 1}` : ""),
    el("label", { class: "check small" }, hidden, "Leave my name out of rankings"));
}

function place(one, rank, person) {
  const name = one.viewer;
  return el("li", { class: name === person.user ? "own" : null },
    el("span", { class: `rank rank-${rank}` }, rank === 1 ? icon("crown") : String(rank)), avatar(name),
    el("span", { class: "grow" }, el("span", {}, who(name), one.level ? badge(one.level) : null), el("span", { class: "small muted" }, plural(one.gifts, "gift"))),
    coins(one.coins));
}

const mine = (own) => el("p", { class: "mine" }, own.rank ? `You are number ${number(own.rank)} with ` : "You gave ", coins(own.coins));

export function goalBar(goal) {
  return el("div", { class: "goal" },
    el("div", { class: "row between" }, el("strong", {}, goal.title), goal.reached ? el("span", { class: "tag good" }, icon("check"), "reached") :
      el("span", { class: "small" }, `${number(goal.progress_coins)} / ${number(goal.target_coins)}`)),
    el("progress", { class: "track", max: goal.target_coins, value: Math.min(goal.progress_coins, goal.target_coins), "aria-label": `${goal.title}: ${number(goal.progress_coins)} of ${number(goal.target_coins)} coins` }));
}

function perkLine(perk, own) {
  const mine = own.find((one) => one.perk === perk.perk && !one.withdrawn);
  return el("li", {}, el("span", { class: "perk-icon" }, icon("star")),
    el("span", { class: "grow" }, el("strong", {}, perk.title), el("span", { class: "small muted" }, perk.description ?? ""), mine ? el("details", { class: "small" }, el("summary", {}, mine.uses_left === null ? "Yours: show the code" : `${mine.uses_left} left: show the code`), el("code", {}, mine.entitlement)) : null),
    mine ? el("span", { class: "tag good" }, icon("check"), "unlocked") : coins(perk.threshold_coins));
}
