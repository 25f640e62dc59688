// A room: the stage, what is given on it, and the panel to give with.
import { ages } from "./ages.js";
import { build as buildEffects } from "./animations.js";
import { get, NoAddress, path } from "./api.js";
import { balance, forget } from "./balance.js";
import { buyCoins } from "./buy.js";
import { $, coins, el, empty, show } from "./dom.js";
import { build as buildFeed } from "./feed.js";
import { catalogue } from "./gifts.js";
import { arrange, tell } from "./host.js";
import { build as buildPanel } from "./panel.js";
import { build as buildSending } from "./sending.js";
import { t } from "./language.js";
import { onChange } from "./session.js";
import { failed, start, toast } from "./shell.js";
import { build as buildSide } from "./side.js";
import { absence, build as buildPlayer, isOnAir } from "./player.js";
import { follow } from "./stream.js";
import { tabs } from "./tabs.js";
import { build as buildTools } from "./tools.js";
import { build as buildTray } from "./tray.js";

const BACKLOG = 20;
const BALANCE_AFTER_MS = 800;
const NEWS_SECONDS = 8;
// The page is a room: on small screens the stage then fills the screen.
const WATCHING = "watching";
// Everybody in a room hears at once that it changed; they do not ask at once.
const LOOK_WITHIN_MS = 1000;
const NOBODY_LIVE_MS = 5000;

/** The room in the address; else one that is live, or none. */
async function roomName() {
  if (location.pathname.startsWith("/rooms/")) return nameIn(location.pathname.slice("/rooms/".length).replace(/\/$/, ""));
  const { items } = await get("/v1/rooms?live=true&limit=1");
  return items[0]?.room ?? null;
}

function nameIn(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new NoAddress(text);
  }
}

let leave = () => {};
const isWatching = (value) => document.body.classList.toggle(WATCHING, value);
// Which drawing of the page is the newest: an older one that still waits for answers gives up.
let drawing = 0;
onChange(() => { leave(); isWatching(false); });
arrange();
start(enter);

async function enter(person) {
  leave();
  leave = () => {};
  drawing += 1;
  const mine = drawing;
  const isCurrent = () => mine === drawing;
  forget();
  try {
    const gifts = catalogue();
    // It is awaited later, if at all.
    gifts.catch(() => {});
    const room = await roomName();
    const view = room === null ? null : await get(path`/v1/rooms/${room}`);
    if (!isCurrent()) return;
    if (view === null) nobodyIsLive(person, isCurrent);
    else await visit(person, { room, view, gifts: await gifts }, isCurrent);
  } catch (error) {
    if (!(error instanceof NoAddress)) throw error;
    plain(t("room.no-such"), error.message);
  }
}

function plain(title, text) {
  isWatching(false);
  show($("main"), el("section", { class: "card narrow" }, el("h1", {}, title), el("p", { class: "muted" }, text)));
}

/** The front page while no room is live: it opens one as soon as there is one. */
function nobodyIsLive(person, isCurrent) {
  plain(t("room.nobody-live"), t("room.nobody-live-text"));
  const timer = setInterval(async () => {
    if (document.hidden) return;
    const found = await roomName().catch(() => null);
    if (found !== null && isCurrent()) enter(person).catch(failed);
  }, NOBODY_LIVE_MS);
  leave = () => clearInterval(timer);
}

async function visit(person, { room, view: first, gifts }, isCurrent) {
  if (!isCurrent()) return;
  let view = first;
  let ended = false;
  const { creator } = first;
  const player = buildPlayer(room);
  const side = creator ? buildSide({ room, creator, person, live: first.live }) : { changed: () => {}, panes: [] };
  const money = wallet();
  const ending = new AbortController();
  const effects = buildEffects(player.effects, { user: person.user });
  const sending = buildSending({
    creator, room,
    isOpen: () => isCurrent() && isOnAir(view),
    spent: (gift) => { money.spent(gift.coins); effects.own(gift); tell("gift", { gift }); },
    refusedOnce: () => panel.startOver(),
    priceChanged: () => location.reload(),
    topUp: () => topUp(),
  });
  const topUp = async () => { if (await buyCoins()) { toast(t("room.coins-here")); money.look(); } };
  const preview = (gift) => effects.preview(gift, person.user);
  const panel = buildPanel({ gifts, user: person.user, tap: sending.tap, topUp, preview, signal: ending.signal });
  money.shown(panel.setBalance);
  const below = el("div", { class: "below" });
  const list = el("ol", { class: "feed", "aria-live": "off" });
  const feed = buildFeed({
    list, tray: buildTray(player.tray), effects,
    changed: () => { quietFeed.hidden = list.children.length > 0; side.changed(); },
  });
  const quietFeed = empty(t("room.quiet"), t("room.quiet-text"));

  function over() {
    ended = true;
    tell("ended", { room });
  }

  /** Whoever cannot be given anything has no panel. */
  function draw() {
    player.draw(view, ended);
    if (!isOnAir(view)) panel.close();
    panel.actions.hidden = !isOnAir(view);
    const { title, text } = absence(view, ended);
    if (!isOnAir(view)) show(below, el("section", { class: "card absent", role: "status" }, el("h2", {}, title), el("p", { class: "muted" }, text)));
    else if (!panel.element.isConnected) show(below, panel.element);
  }

  /** Ask how the room is now: a new stream, or a new owner, is another page. */
  async function look() {
    const now = await get(path`/v1/rooms/${room}`).catch(() => null);
    if (!now || !isCurrent()) return;
    if (now.creator !== creator || (isOnAir(now) && !(isOnAir(view) && now.stream?.stream === view.stream?.stream))) {
      await enter(person).catch(failed);
      return;
    }
    if (isOnAir(view) && !isOnAir(now)) over();
    view = now;
    draw();
  }

  let looking = null;
  const lookSoon = () => { looking ??= setTimeout(() => { looking = null; look(); }, Math.random() * LOOK_WITHIN_MS); };

  /** What the feed says of the room itself. A stream that ends takes the panel with it at once. */
  function applyRoomEntry(entry) {
    const isOurs = entry.stream === view.stream?.stream;
    if (entry.closed_at && isOurs && isOnAir(view)) {
      view = { ...view, live: false, stream: null };
      over();
      draw();
      lookSoon();
    } else if (entry.state === "opened" && !isOurs) lookSoon();
  }

  draw();
  show($("main"), el("h1", { class: "unseen" }, t("room.title", { room })),
    el("div", { class: "room-grid" },
      el("div", { class: "watch" }, player.element, below, panel.actions, panel.combo, buildTools({ changed: effects.clear })),
      el("aside", { class: "card side", "aria-label": t("room.happens") }, tabs(t("room.happens"), [
        { id: "feed", title: t("room.tab-live"), content: [quietFeed, list] }, ...side.panes,
      ]))));
  isWatching(true);
  const opened = Date.now();
  const ageOf = ages();
  let lines = 0;
  const unfollow = follow(room, {
    last: BACKLOG,
    onEntry: (kind, entry, missed = false) => {
      if (kind === "room") applyRoomEntry(entry);
      const isLate = ageOf(entry) > NEWS_SECONDS * 1000;
      feed.receive(kind, entry, { quiet: missed || isLate || isOld(entry, opened) });
    },
    onState: (word) => {
      player.line(word);
      if (word !== "open") return;
      // What happened between two lines may be more than the feed tells again.
      if (lines > 0) lookSoon();
      lines += 1;
    },
  });
  leave = () => { unfollow(); clearTimeout(looking); ending.abort(); };
  money.look();
}

/** What was there before one came in is told, not played. */
const isOld = (entry, opened) => Date.now() - opened < NEWS_SECONDS * 1000 && new Date(entry.sent_at ?? entry.at ?? 0).getTime() < opened - 1000;

/** The balance: reckoned on with every gift, and looked up once it has been quiet. */
function wallet() {
  let held = null;
  let timer = null;
  const shown = [];
  function draw() {
    for (const listener of shown) listener(held);
    show($("#bar-balance"), held === null ? null : el("a", { href: "/wallet", class: "bar-coins" }, coins(held)));
  }
  async function look() {
    const found = await balance().catch(() => null);
    if (found) { held = found.coins; draw(); }
  }
  return {
    shown: (listener) => shown.push(listener), look,
    spent: (amount) => {
      if (held !== null) { held = Math.max(0, held - amount); draw(); }
      clearTimeout(timer);
      timer = setTimeout(look, BALANCE_AFTER_MS);
    },
  };
}
