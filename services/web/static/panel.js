// The gift panel: choose, see what it costs in coins and money, tap or hold to send.
import { $, coins, el, icon, show } from "./dom.js";
import { moneyOf, picture } from "./gifts.js";
import { number, words } from "./words.js";

const HOLD_AFTER_MS = 350;
const HOLD_EVERY_MS = 120;
const COMBO_MS = 5000;
const COUNTS = [1, 5, 10, 50, 99];

export function build({ gifts, tap, topUp }) {
  let chosen = gifts[0];
  let count = 1;
  let taps = 0;
  let cooling = null;

  const grid = el("ul", { class: "gift-grid" });
  const counts = el("div", { class: "chips", role: "group", "aria-label": "How many" });
  const note = el("input", { name: "message", maxlength: 80, placeholder: "Say something (optional)", "aria-label": "Message with the gift", autocomplete: "off" });
  const anonymous = el("input", { type: "checkbox", name: "anonymous" });
  const send = el("button", { class: "primary send", id: "send" });
  const balance = el("span", { id: "balance", class: "balance" });
  const categories = ["all", ...new Set(gifts.map((gift) => gift.category))];
  const filters = el("div", { class: "chips", role: "group", "aria-label": "Kinds of gifts" },
    categories.map((category) => el("button", { class: "chip", "aria-pressed": String(category === "all"), onclick: (event) => filter(event.currentTarget, category) }, words(category))));

  function filter(button, category) {
    for (const other of filters.children) other.setAttribute("aria-pressed", String(other === button));
    drawGrid(gifts.filter((gift) => category === "all" || gift.category === category));
  }

  function drawGrid(shown) {
    show(grid, shown.map((gift) => {
      const locked = gift.available === false;
      return el("li", {}, el("button", {
        class: `gift ${gift.tier}`, "aria-pressed": String(gift === chosen), data: { gift: gift.gift_type }, disabled: locked,
        title: gift.description, onclick: () => choose(gift),
      }, picture(gift.gift_type, 56), el("span", { class: "gift-name" }, gift.name), coins(gift.price_coins),
      el("span", { class: "gift-money" }, locked ? lockOf(gift) : moneyOf(gift))));
    }));
  }

  function choose(gift) {
    chosen = gift;
    count = 1;
    taps = 0;
    for (const button of grid.querySelectorAll(".gift")) button.setAttribute("aria-pressed", String(button.dataset.gift === gift.gift_type));
    drawSend();
  }

  const isStreak = () => chosen.mode === "streak";

  function drawSend() {
    const offered = isStreak() ? chosen.batch_counts?.length ? chosen.batch_counts : COUNTS : [1];
    counts.hidden = offered.length < 2;
    show(counts, offered.map((offer) => el("button", {
      class: "chip", "aria-pressed": String(offer === count), onclick: () => { count = offer; drawSend(); },
    }, `×${offer}`)));
    const price = chosen.price_coins * count;
    show(send, el("span", { class: "ring", "aria-hidden": "true" }), picture(chosen.gift_type, 28),
      el("span", {}, taps ? `Combo ×${taps}` : `Send ${chosen.name}`), coins(price, { class: "on-send" }));
  }

  function press() {
    if (isStreak()) {
      taps += count;
      clearTimeout(cooling);
      cooling = setTimeout(() => { taps = 0; drawSend(); }, COMBO_MS);
    }
    drawSend();
    if (isStreak()) $(".ring", send).animate([{ transform: "scaleX(1)" }, { transform: "scaleX(0)" }], { duration: COMBO_MS, fill: "forwards" });
    tap(chosen, { count, message: note.value.trim() || null, anonymous: anonymous.checked });
    note.value = "";
  }

  holdToRepeat(send, press, isStreak);
  drawGrid(gifts);
  drawSend();

  const element = el("section", { class: "panel card", "aria-labelledby": "panel-title" },
    el("div", { class: "row between" }, el("h2", { id: "panel-title" }, "Send a gift"),
      el("div", { class: "row" }, balance, el("button", { class: "tiny", id: "get-coins", onclick: topUp }, icon("plus"), "Get coins"))),
    filters, grid,
    el("div", { class: "send-bar" }, counts, el("div", { class: "send-note" }, note, el("label", { class: "check" }, anonymous, "Anonymous")), send));
  const startOver = () => { taps = 0; drawSend(); };
  return { element, startOver, setBalance: (held) => show(balance, held === null ? null : coins(held)) };
}

const lockOf = (gift) => {
  const { locks = {} } = gift;
  if (locks.gifter_level_min) return `Level ${number(locks.gifter_level_min)}`;
  return locks.fan_only ? "Fans only" : "Not now";
};

/** One press is one tap; held down it goes on until it is let go. Keys repeat by themselves. */
function holdToRepeat(button, press, allowed) {
  let timer = null;
  let held = false;
  const stop = () => { clearInterval(timer); clearTimeout(timer); timer = null; };
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    held = false;
    stop();
    timer = setTimeout(() => {
      if (!allowed()) return;
      held = true;
      timer = setInterval(press, HOLD_EVERY_MS);
    }, HOLD_AFTER_MS);
  });
  for (const name of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(name, stop);
  button.addEventListener("click", () => { stop(); if (!held) press(); held = false; });
}
