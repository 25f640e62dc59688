// Beside the stage: who gave most, what the room works towards, what giving unlocks.
import { get, path, person as segmentOf, put } from "./api.js";
import { $, coins, el, empty, icon, show } from "./dom.js";
import { badge } from "./feed.js";
import { parts, t } from "./language.js";
import { avatar, who } from "./people.js";
import { sentence, toast } from "./shell.js";
import { number } from "./words.js";

// Many gifts, one look.
const LOOK_AFTER_MS = 2000;
const TOP = 10;
/** @type {[string, string][]} */
const PERIODS = [["stream", t("side.stream")], ["day", t("side.today")], ["week", t("side.week")], ["all", t("side.all-time")]];

export function build({ room, creator, person, live }) {
  const leaderboard = el("div", { class: "stack" });
  const goals = el("div", { class: "stack" });
  const perks = el("div", { class: "stack" });
  let period = "all";
  let timer = null;

  const periods = el("div", { class: "chips", role: "group", "aria-label": t("side.since") }, PERIODS.filter(([code]) => live || code !== "stream").map(([code, name]) =>
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
    show(leaderboard, periods, el("p", { class: "small muted" }, parts("side.total", { gifts: t("amount.gifts", { count: found.gifts }), gifters: t("amount.gifters", { count: found.gifters }), coins: coins(found.coins) })),
      top.length ? el("ol", { class: "lines ranks" }, top.map((one, index) => place(one, index + 1, person))) : empty(t("side.nobody"), t("side.nobody-text")),
      found.me.coins && !top.some((one) => one.viewer === person.user) ? mine(found.me) : null, await ownBadge());
  }

  async function drawGoals() {
    const found = (await get(path`/v1/rooms/${room}/goals`)).goals;
    show(goals, found.map((goal) => goalBar(goal)));
    if (!found.length) show(goals, empty(t("side.no-goal"), parts("side.no-goal-text", { creator: who(creator) })));
    const open = found.find((goal) => !goal.reached) ?? found[0];
    show($("#stage-goal"), open ? goalBar(open) : null);
  }

  async function drawPerks() {
    const [offered, own] = await Promise.all([
      get(path`/v1/creators/${segmentOf(creator)}/perks`), get("/v1/gifters/me/entitlements?limit=100"),
    ]);
    show(perks, offered.perks.length ? el("ul", { class: "lines" }, offered.perks.map((perk) => perkLine(perk, own.items))) :
      empty(t("side.no-perks"), parts("side.no-perks-text", { creator: who(creator) })));
  }

  look();
  // Nobody looks while nobody sees it; whoever comes back sees how things are now.
  document.addEventListener("visibilitychange", () => { if (leaderboard.isConnected) changed(); });
  return {
    changed,
    panes: [
      { id: "standing", title: t("side.top"), content: leaderboard, opened: look },
      { id: "perks", title: t("side.goals"), content: [goals, perks], opened: () => { look(); drawPerks().catch(() => {}); } },
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
  return el("div", { class: "own-badge" }, el("p", {}, own.next_level_coins ? parts("side.level-next", { badge: badge(own.level), count: own.next_level_coins - own.given_coins, level: own.level + 1 }) : parts("side.level", { badge: badge(own.level) })),
    el("label", { class: "check small" }, hidden, t("side.hide-me")));
}

function place(one, rank, person) {
  return el("li", { class: one.viewer === person.user ? "own" : null },
    el("span", { class: `rank rank-${rank}` }, rank === 1 ? icon("crown") : number(rank)), avatar(one.viewer),
    el("span", { class: "grow" }, el("span", {}, who(one.viewer), one.level ? badge(one.level) : null), el("span", { class: "small muted" }, t("amount.gifts", { count: one.gifts }))),
    coins(one.coins));
}

const mine = (own) => el("p", { class: "mine" }, own.rank ? parts("side.mine-ranked", { rank: own.rank, coins: coins(own.coins) }) : parts("side.mine", { coins: coins(own.coins) }));

export function goalBar(goal) {
  return el("div", { class: "goal" },
    el("div", { class: "row between" }, el("strong", {}, goal.title), goal.reached ? el("span", { class: "tag good" }, icon("check"), t("side.reached")) :
      el("span", { class: "small" }, t("side.of", { reached: goal.progress_coins, target: goal.target_coins }))),
    el("progress", { class: "track", max: goal.target_coins, value: Math.min(goal.progress_coins, goal.target_coins), "aria-label": t("side.progress", { goal: goal.title, reached: goal.progress_coins, count: goal.target_coins }) }));
}

function perkLine(perk, own) {
  const mine = own.find((one) => one.perk === perk.perk && !one.withdrawn);
  return el("li", {}, el("span", { class: "perk-icon" }, icon("star")),
    el("span", { class: "grow" }, el("strong", {}, perk.title), el("span", { class: "small muted" }, perk.description ?? ""), mine ? el("details", { class: "small" }, el("summary", {}, mine.uses_left === null ? t("side.code") : t("side.code-left", { count: mine.uses_left })), el("code", {}, mine.entitlement)) : null),
    mine ? el("span", { class: "tag good" }, icon("check"), t("side.unlocked")) : coins(perk.threshold_coins));
}
