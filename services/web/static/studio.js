// What a creator does in a room: go live, set goals, offer perks, greet and thank.
import { call, get, newKey, path, post, put, remove } from "./api.js";
import { coins, el, empty, icon, show } from "./dom.js";
import { badge } from "./feed.js";
import { parts } from "./language.js";
import { avatar, these, who } from "./people.js";
import { card, confirm, doing, open, toast } from "./shell.js";
import { goalBar } from "./side.js";
import { tabs } from "./tabs.js";
import { day, fromNow, number, plural, time, words } from "./words.js";

const FIRST_ROOM = "room-1";
const KINDS = ["shout_out", "behind_the_scenes", "exclusive_chat", "custom"];
const SHOWN = 10;
const pathOf = (room) => path`/v1/rooms/${room}`;

/** The room one streams in: the one everybody starts with as long as it is nobody else's. */
export async function ownRoom(person) {
  const first = await get(pathOf(FIRST_ROOM));
  return first.creator === null || first.creator === person.user ? FIRST_ROOM : person.user;
}

export function studio(room) {
  const stream = card("Your stream", async () => drawStream(await room, () => stream.refresh()), { id: "stream" });
  const goals = card("Goals", async () => drawGoals(await room, () => goals.refresh()), { id: "goals" });
  const perks = card("Perks", () => drawPerks(() => perks.refresh()), { id: "perks" });
  const supporters = card("Supporters", drawSupporters, { id: "supporters" });
  return { stream, goals, perks, supporters };
}

async function drawStream(room, refresh) {
  const view = await get(pathOf(room));
  const past = view.creator ? (await get(`${pathOf(room)}/streams?limit=${SHOWN}`)).items.filter((one) => one.closed_at) : [];
  return [
    view.live ? liveNow(room, view, refresh) : goLive(room, refresh),
    past.length ? el("details", {}, el("summary", {}, `Earlier streams (${past.length})`), el("ul", { class: "lines" }, past.map((one) => el("li", {},
      el("span", { class: "grow" }, el("strong", {}, one.title ?? "Stream"), el("span", { class: "small muted" }, `${time(one.opened_at)}, ${plural(one.gifts, "gift")} from ${plural(one.gifters, "gifter")}`)),
      coins(one.coins), el("button", { class: "tiny", "aria-label": `Summary of ${one.title ?? "the stream"}`, onclick: (event) => doing(event.currentTarget, () => summary(room, one.stream)) }, "Summary"))))) : null,
  ];
}

function goLive(room, refresh) {
  const title = el("input", { name: "title", maxlength: 120, required: true, placeholder: "What is it about?", autocomplete: "off" });
  return el("form", { class: "stack", onsubmit: (event) => {
    event.preventDefault();
    doing(event.submitter ?? title, async () => { await put(`${pathOf(room)}/stream`, { title: title.value.trim() }); toast("You are live."); refresh(); });
  } }, el("p", { class: "muted" }, "Nobody sees you yet. Your room is ", el("code", {}, room), "."),
  el("label", { class: "field" }, "Title", title), el("div", {}, el("button", { class: "primary" }, "Go live")));
}

const liveNow = (room, view, refresh) => el("div", { class: "stack" },
  el("p", { class: "row" }, el("span", { class: "tag bad" }, "Live"), el("strong", {}, view.stream.title ?? room), el("span", { class: "muted" }, `since ${time(view.stream.opened_at)}`)),
  el("div", { class: "row" }, el("a", { class: "button", href: path`/rooms/${room}` }, "Open the room"),
    el("button", { class: "danger", onclick: async (event) => {
      if (await confirm("End the stream?", "Everybody sees that it is over. Its summary stays.", "End it", { danger: true })) {
        doing(event.target, async () => { const over = await call("DELETE", `${pathOf(room)}/stream`); refresh(); if (over) await summary(room, over.stream); });
      }
    } }, "End the stream")));

async function summary(room, stream) {
  const over = await get(path`/v1/rooms/${room}/streams/${stream}`);
  open(over.title ?? "Your stream", [
    el("p", { class: "figure" }, coins(over.coins)),
    el("p", {}, `${plural(over.gifts, "gift")} from ${plural(over.gifters, "gifter")}, begun ${fromNow(over.opened_at)}.`),
    over.top_gifters.length ? el("div", {}, el("h3", {}, "Gave most"), el("ol", { class: "lines" }, over.top_gifters.map((one) => el("li", {}, avatar(one.viewer), el("span", { class: "grow" }, who(one.viewer)), coins(one.coins))))) : null,
    over.first_time_gifters.length ? el("p", {}, el("strong", {}, "For the first time: "), these(over.first_time_gifters)) : null,
    over.goals_reached.length ? el("p", {}, el("strong", {}, "Reached: "), over.goals_reached.map((goal) => goal.title).join(", ")) : null,
  ]);
}

async function drawGoals(room, refresh) {
  const { goals } = await get("/v1/creators/me/goals");
  return [
    goals.length ? el("ul", { class: "stack" }, goals.map((goal) => el("li", { class: "goal-line" }, goalBar(goal),
      el("div", { class: "row between small muted" }, `${goal.room ? `in ${goal.room}` : "anywhere"}, ${plural(goal.contributors, "gifter")}${goal.ends_at ? `, until ${day(goal.ends_at)}` : ""}`,
        el("button", { class: "tiny quiet", "aria-label": `Remove the goal ${goal.title}`, onclick: (event) => doing(event.currentTarget, async () => { await remove(path`/v1/creators/me/goals/${goal.goal}`); refresh(); }) }, "Remove"))))) :
      empty("No goal yet", "A goal gives the room something to work towards."),
    newGoal(room, refresh),
  ];
}

function newGoal(room, refresh) {
  const title = el("input", { name: "goal", maxlength: 120, required: true, autocomplete: "off", placeholder: "A new microphone" });
  const target = el("input", { name: "target", type: "number", min: 1, max: 1_000_000_000, required: true, inputmode: "numeric" });
  const where = el("select", { name: "where" }, el("option", { value: "room" }, "In my room, from now on"), el("option", { value: "month" }, "Income, 30 days, anywhere"));
  return el("form", { class: "stack", onsubmit: (event) => {
    event.preventDefault();
    const body = { title: title.value.trim(), target_coins: Number(target.value) };
    if (where.value === "room") body.room = room;
    else body.ends_at = new Date(Date.now() + 30 * 86_400_000).toISOString();
    doing(event.submitter ?? title, async () => { await post("/v1/creators/me/goals", body, newKey()); toast("Your goal is set."); refresh(); });
  } }, el("div", { class: "fields" }, el("label", { class: "field" }, "Goal", title), el("label", { class: "field" }, "Coins", target), el("label", { class: "field" }, "Counts", where)),
  el("div", {}, el("button", {}, icon("plus"), "Set goal")));
}

async function drawPerks(refresh) {
  const { perks } = await get("/v1/creators/me/perks");
  return [
    perks.length ? el("ul", { class: "lines" }, perks.map((perk) => el("li", {}, el("span", { class: "grow" }, el("strong", {}, perk.title),
      el("span", { class: "small muted" }, `${words(perk.kind)}${perk.uses ? `, ${plural(perk.uses, "use")}` : ""}${perk.description ? `: ${perk.description}` : ""}`)), coins(perk.threshold_coins),
    el("button", { class: "tiny quiet", "aria-label": `Withdraw the perk ${perk.title}`, onclick: (event) => doing(event.currentTarget, async () => { await remove(path`/v1/creators/me/perks/${perk.perk}`); refresh(); }) }, "Withdraw")))) :
      empty("No perks yet", "Thank supporters with something of yours: whoever gave enough unlocks it."),
    newPerk(refresh), redeem(),
  ];
}

function newPerk(refresh) {
  const kind = el("select", { name: "kind" }, KINDS.map((code) => el("option", { value: code }, words(code))));
  const title = el("input", { name: "perk", maxlength: 120, required: true, autocomplete: "off" });
  const threshold = el("input", { name: "threshold", type: "number", min: 1, max: 1_000_000_000, required: true, inputmode: "numeric" });
  const uses = el("input", { name: "uses", type: "number", min: 1, max: 1000, placeholder: "no end", inputmode: "numeric" });
  return el("details", {}, el("summary", {}, "Offer a perk"), el("form", { class: "stack", onsubmit: (event) => {
    event.preventDefault();
    const body = { kind: kind.value, title: title.value.trim(), threshold_coins: Number(threshold.value), uses: uses.value ? Number(uses.value) : null };
    doing(event.submitter ?? title, async () => { await post("/v1/creators/me/perks", body, newKey()); toast("Your perk is on offer."); refresh(); });
  } }, el("div", { class: "fields" }, el("label", { class: "field" }, "Kind", kind), el("label", { class: "field" }, "Title", title),
    el("label", { class: "field" }, "From coins given", threshold), el("label", { class: "field" }, "Uses", uses)), el("div", {}, el("button", {}, "Offer"))));
}

/** A supporter shows the code of what they unlocked; here it is looked at and used up. */
function redeem() {
  const code = el("input", { name: "code", required: true, autocomplete: "off", pattern: "[0-9a-fA-F\\-]{36}", placeholder: "00000000-0000-…" });
  const found = el("div", { class: "stack", role: "status" });
  const look = async () => {
    const claim = await get(path`/v1/entitlements/${code.value.trim()}`);
    show(found, el("p", {}, el("strong", {}, claim.title), " of ", who(claim.viewer), `, unlocked ${day(claim.unlocked_at)}. `,
      claim.withdrawn ? "It was withdrawn." : claim.uses_left === null ? "No end of uses." : `${number(claim.uses_left)} left.`),
    claim.usable ? el("button", { class: "primary", onclick: (event) => doing(event.currentTarget, async () => { await post(path`/v1/entitlements/${claim.entitlement}/use`, {}, newKey()); toast("Used once."); await look(); }) }, "Use once") : null);
  };
  return el("details", {}, el("summary", {}, "Check a supporter's code"), el("form", { class: "stack", onsubmit: (event) => { event.preventDefault(); doing(event.submitter ?? code, look); } },
    el("label", { class: "field" }, "Code", code), el("div", {}, el("button", {}, "Check"))), found);
}

async function drawSupporters() {
  const [top, fresh] = await Promise.all(["top", "new"].map((order) => get(path`/v1/creators/me/supporters?order=${order}&limit=${SHOWN}`)));
  const list = (items, text) => (items.length ? el("ol", { class: "lines" }, items.map((one) => el("li", {}, avatar(one.viewer),
    el("span", { class: "grow" }, el("span", {}, who(one.viewer), badge(one.level)), el("span", { class: "small muted" }, `${plural(one.gifts, "gift")}, first on ${day(one.first_at)}`)), coins(one.coins)))) : empty("Nobody yet", text));
  return tabs("Supporters", [
    { id: "top", title: "Gave most", content: list(top.items, "Your supporters show up here.") },
    { id: "new", title: "New: say hello", content: list(fresh.items, "Whoever gives for the first time shows up here.") },
  ]);
}

/** Thank somebody for a gift, for the whole room to see. */
export function thank(room, gift) {
  const message = el("input", { name: "thanks", maxlength: 80, autocomplete: "off", placeholder: "You made my evening" });
  const dialog = open(parts("creator.thank-title", { viewer: who(gift.viewer) }), [el("form", { onsubmit: (event) => {
    event.preventDefault();
    doing(event.submitter ?? message, async () => {
      await post(`${pathOf(room)}/thanks`, { gift: gift.gift, ...(message.value.trim() ? { message: message.value.trim() } : {}) });
      dialog.close();
      toast("The room has seen it.");
    });
  } }, el("label", { class: "field" }, "In a few words (optional)", message), el("footer", {}, el("button", { class: "primary" }, "Say thank you")))]);
  message.focus();
}
