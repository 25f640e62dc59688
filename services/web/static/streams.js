// Where a creator is live: their rooms, going live and ending it, and what each stream brought.
import { call, find, get, path, put } from "./api.js";
import { coins, diamonds, el, empty } from "./dom.js";
import { parts, t } from "./language.js";
import { avatar, these, who } from "./people.js";
import { card, confirm, doing, open, toast } from "./shell.js";
import { fromNow, time } from "./words.js";

const FIRST_ROOM = "room-1";
const SHOWN = 10;
const YEAR_MS = 365 * 86_400_000;
const pathOf = (room) => path`/v1/rooms/${room}`;

/** The rooms of the caller, asked for once until `refresh`, which tells whoever shows them. */
export function ownRooms() {
  let known = null;
  const listeners = [];
  return {
    list: () => { known ??= get("/v1/creators/me/rooms").then(({ items }) => items, (error) => { known = null; throw error; }); return known; },
    onChange: (listener) => listeners.push(listener),
    refresh: () => { known = null; for (const listener of listeners) listener(); },
  };
}

export function streams(rooms, person) {
  const section = card(t("stream.title"), () => draw(rooms, person, rooms.refresh), { id: "stream" });
  rooms.onChange(section.refresh);
  return section;
}

async function draw(rooms, person, refresh) {
  const [own, page] = await Promise.all([rooms.list(), get(path`/v1/creators/me/streams?limit=${SHOWN}`)]);
  const live = own.filter((room) => room.stream);
  const form = goLive(own.filter((room) => !room.stream), own.length ? null : await suggestion(person), refresh);
  return [
    live.length ? null : el("p", { class: "muted" }, t("stream.nobody-sees")),
    ...live.map(({ room, stream }) => liveNow(room, stream, page.items.find((one) => one.stream === stream.stream), refresh)),
    live.length ? el("details", {}, el("summary", {}, t("stream.another-room")), form) : form,
    own.length > 1 ? roomList(own) : null,
    await past(page),
  ];
}

/** The room that is offered to newcomers: the one everybody starts with as long as it is nobody's, else one of their own. */
async function suggestion(person) {
  const first = await find(pathOf(FIRST_ROOM));
  return !first || first.creator === null ? FIRST_ROOM : person.user;
}

function goLive(free, suggested, refresh) {
  const title = el("input", { name: "title", maxlength: 120, required: true, placeholder: t("stream.about"), autocomplete: "off" });
  const name = el("input", { name: "room", maxlength: 255, autocomplete: "off", value: suggested ?? "" });
  const named = el("label", { class: "field" }, t("stream.room-name"), name);
  const choice = el("select", { name: "choice", onchange: () => fit() }, free.map(({ room }) => el("option", { value: room }, room)), el("option", { value: "" }, t("stream.new-room")));
  const fit = () => { named.hidden = choice.value !== ""; name.required = !named.hidden; };
  fit();
  return el("form", { class: "stack", onsubmit: (event) => {
    event.preventDefault();
    doing(event.submitter ?? title, async () => {
      await put(path`/v1/rooms/${choice.value || name.value.trim()}/stream`, { title: title.value.trim() });
      toast(t("stream.you-are-live"));
      refresh();
    });
  } }, el("label", { class: "field" }, t("stream.name"), title),
  free.length ? el("label", { class: "field" }, t("stream.room"), choice) : null, named,
  el("div", {}, el("button", { class: "primary" }, t("stream.go-live"))));
}

const liveNow = (room, stream, totals, refresh) => el("div", { class: "stack live-now" },
  el("p", { class: "row" }, el("span", { class: "tag bad" }, t("stream.live")), el("strong", { class: "words" }, stream.title ?? room)),
  el("p", { class: "small muted" }, t("stream.since", { room, when: time(stream.opened_at) })),
  totals ? el("p", { class: "row small" }, t("amount.gifts", { count: totals.gifts }), coins(totals.coins)) : null,
  el("div", { class: "row" }, el("a", { class: "button", href: path`/rooms/${room}` }, t("stream.open-room")),
    el("button", { class: "danger", "aria-label": t("stream.end-in", { room }), onclick: async (event) => {
      const button = event.currentTarget;
      if (await confirm(t("stream.end-question"), t("stream.end-text"), t("stream.end-yes"), { danger: true })) {
        doing(button, async () => { const over = await call("DELETE", `${pathOf(room)}/stream`); refresh(); if (over) await summary(over); });
      }
    } }, t("stream.end"))));

const roomList = (own) => el("details", {}, el("summary", {}, t("stream.your-rooms", { count: own.length })),
  el("ul", { class: "lines" }, own.map(({ room, stream }) => el("li", {}, el("a", { class: "grow", href: path`/rooms/${room}` }, room),
    el("span", { class: `tag ${stream ? "bad" : ""}` }, t(stream ? "stream.live" : "stream.not-live"))))));

/** Streams that are over, in all rooms, with the coins of their gifts and the diamonds they brought. */
async function past(page) {
  const over = page.items.filter((one) => one.closed_at);
  if (!over.length) return null;
  const list = el("ul", { class: "lines" });
  const more = el("button", { class: "quiet", onclick: (event) => doing(event.currentTarget, async () => {
    await add(await get(path`/v1/creators/me/streams?limit=${SHOWN}&cursor=${cursor}`));
  }) }, t("step.more"));
  let cursor = null;

  async function add(found) {
    const ended = found.items.filter((one) => one.closed_at);
    const earned = await earnedIn(ended);
    list.append(...ended.map((one) => pastStream(one, earned.get(one.stream))));
    cursor = found.next_cursor;
    more.hidden = !cursor;
  }

  await add(page);
  return el("div", { class: "stack" }, el("h3", {}, t("stream.earlier")), list, more);
}

/** The diamonds of streams, by their ids; of those of the last year. */
async function earnedIn(ended) {
  if (!ended.length) return new Map();
  const from = new Date(Math.max(Date.parse(ended.at(-1).opened_at), Date.now() - YEAR_MS)).toISOString();
  const { items } = await get(path`/v1/creators/me/earnings?by=stream&from=${from}&limit=100`);
  return new Map(items.map((each) => [each.stream.stream, each.diamonds]));
}

const pastStream = (one, earned) => el("li", {},
  el("span", { class: "grow" }, el("strong", {}, one.title || t("stream.untitled")),
    el("span", { class: "small muted" }, t("stream.in-room", { room: one.room, when: time(one.opened_at), gifts: t("amount.gifts", { count: one.gifts }) }))),
  coins(one.coins, { class: "muted" }), earned === undefined ? null : diamonds(earned),
  el("button", { class: "tiny", "aria-label": t("stream.summary-of", { title: one.title || one.room }), onclick: (event) => doing(event.currentTarget, () => summary(one)) }, t("stream.summary")));

async function summary({ room, stream }) {
  const over = await get(path`/v1/rooms/${room}/streams/${stream}`);
  open(over.title || t("stream.untitled"), [
    el("p", { class: "figure" }, coins(over.coins)),
    el("p", {}, t("stream.came-to", { gifts: t("amount.gifts", { count: over.gifts }), gifters: t("amount.gifters", { count: over.gifters }), when: fromNow(over.opened_at) })),
    over.top_gifters.length ? el("div", {}, el("h3", {}, t("stream.gave-most")), el("ol", { class: "lines" }, over.top_gifters.map((one) => el("li", {}, avatar(one.viewer), el("span", { class: "grow" }, who(one.viewer)), coins(one.coins))))) : empty(t("stream.nobody-gave"), t("stream.nobody-gave-text")),
    over.first_time_gifters.length ? el("p", {}, parts("stream.first-time", { names: these(over.first_time_gifters) })) : null,
    over.goals_reached.length ? el("p", {}, t("stream.reached", { goals: over.goals_reached.map((goal) => goal.title).join(", ") })) : null,
  ]);
}
