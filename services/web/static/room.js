// A room: the stage, what is given on it, and the panel to give with.
import { build as buildEffects } from "./animations.js";
import { get } from "./api.js";
import { balance, forget } from "./balance.js";
import { buyCoins } from "./buy.js";
import { $, avatar, coins, el, empty, show } from "./dom.js";
import { build as buildFeed } from "./feed.js";
import { catalogue, priceOfCoins } from "./gifts.js";
import { build as buildPanel } from "./panel.js";
import { build as buildSending } from "./sending.js";
import { onChange } from "./session.js";
import { start, toast } from "./shell.js";
import { build as buildSide } from "./side.js";
import { follow } from "./stream.js";
import { tabs } from "./tabs.js";
import { build as buildTray } from "./tray.js";
import { currencyOf } from "./words.js";

const DEFAULT_ROOM = "room-1";
const DEFAULT_CREATOR = "lea";
const BACKLOG = 20;
const BALANCE_AFTER_MS = 800;
const NEWS_SECONDS = 8;
const pictureOf = (name) => new URL(`./scene/${name}.svg`, import.meta.url).href;

/** The room in the address; else one that is live, or the one everybody starts with. */
async function roomName() {
  if (location.pathname.startsWith("/rooms/")) return decodeURIComponent(location.pathname.slice(7));
  const { items } = await get("/v1/rooms?live=true&limit=1");
  return items[0]?.room ?? DEFAULT_ROOM;
}

let leave = () => {};
onChange(() => leave());

start(async (person) => {
  leave();
  forget();
  const room = await roomName();
  const currency = currencyOf(person.country);
  const [gifts, priceOf, view] = await Promise.all([catalogue(), priceOfCoins(currency), get(`/v1/rooms/${encodeURIComponent(room)}`)]);
  const creator = view.creator ?? new URLSearchParams(location.search).get("creator") ?? DEFAULT_CREATOR;
  const stage = buildStage(view, creator);
  const side = buildSide({ room, creator, person, live: view.live });
  const money = wallet();
  const sending = buildSending({
    creator, room, priceOf, currency,
    spent: (gift) => money.spent(gift.coins),
    refusedOnce: () => panel.startOver(),
    priceChanged: () => location.reload(),
  });
  const topUp = async () => { if (await buyCoins()) { toast("Your coins are here."); money.look(); } };
  const panel = buildPanel({ gifts, priceOf, currency, tap: sending.tap, topUp });
  money.shown(panel.setBalance);
  const list = el("ol", { class: "feed", "aria-live": "off" });
  const page = el("div", { class: "page-effects", "aria-hidden": "true" });
  const feed = buildFeed({
    list, tray: buildTray(stage.tray), effects: buildEffects(stage.effects, page),
    changed: () => { quietFeed.hidden = list.children.length > 0; side.changed(); },
  });
  const quietFeed = empty("Quiet so far", "The first gift shows up here.");
  show($("main"), el("h1", { class: "unseen" }, `Room ${room}`),
    el("div", { class: "room-grid" },
      el("div", { class: "watch" }, stage.element, panel.element),
      el("aside", { class: "card side", "aria-label": "What happens here" }, tabs("What happens here", [
        { id: "feed", title: "Live", content: [quietFeed, list] }, ...side.panes,
      ]))), page);
  const opened = Date.now();
  leave = follow(room, {
    last: BACKLOG,
    heard: (kind, entry, missed) => feed.heard(kind, entry, { quiet: missed || isOld(entry, opened) }),
    standing: (word) => stage.standing(word),
  });
  money.look();
});

/** What was there before one came in is told, not played. */
const isOld = (entry, opened) => Date.now() - opened < NEWS_SECONDS * 1000 && new Date(entry.sent_at ?? entry.at ?? 0).getTime() < opened - 1000;

function buildStage(view, creator) {
  const tray = el("ol", { class: "tray", "aria-hidden": "true" });
  const effects = el("div", { class: "effects", "aria-hidden": "true" });
  const line = el("span", { class: "live-dot" }, "…");
  const element = el("section", { class: "stage", "aria-label": `${creator}'s stream` },
    el("img", { class: "stage-back", src: pictureOf("studio"), alt: "", width: 640, height: 360 }),
    el("i", { class: "beam one" }), el("i", { class: "beam two" }),
    el("img", { class: "stage-host", src: pictureOf("host"), alt: `${creator} plays the guitar in a studio at night`, width: 260, height: 280 }),
    el("i", { class: "bars" }, Array.from({ length: 7 }, () => el("b"))),
    effects,
    el("div", { class: "stage-top" }, el("div", { class: "host-chip" }, avatar(creator), el("span", { class: "host-text" }, el("strong", {}, creator), el("span", {}, view.stream?.title ?? "Songs for a late evening"))), line),
    el("div", { class: "stage-goal", id: "stage-goal" }), tray);
  return {
    element, tray, effects,
    standing: (word) => { line.textContent = word === "open" ? "Live" : "Reconnecting"; line.classList.toggle("gone", word !== "open"); },
  };
}

/** The balance: reckoned on with every gift, and looked up once it has been quiet. */
function wallet() {
  let held = null;
  let timer = null;
  const shown = [];
  function tell() {
    for (const listener of shown) listener(held);
    show($("#bar-balance"), held === null ? null : el("a", { href: "/wallet", class: "bar-coins" }, coins(held)));
  }
  async function look() {
    const found = await balance().catch(() => null);
    if (found) { held = found.coins; tell(); }
  }
  return {
    shown: (listener) => shown.push(listener), look,
    spent: (amount) => {
      if (held !== null) { held = Math.max(0, held - amount); tell(); }
      clearTimeout(timer);
      timer = setTimeout(look, BALANCE_AFTER_MS);
    },
  };
}
