// Your data: download all of it, and ask to be erased.
import { call, find, get, getText, path } from "./api.js";
import { el } from "./dom.js";
import { card, doing, open } from "./shell.js";
import { words } from "./words.js";

// Services answer within a second or two; the page then shows the result.
const LOOK_MS = [500, 1000, 2000, 4000, 8000];
const STATES = {
  checking: "We are checking that no payment of yours is open.",
  refused: "Not yet: something has to end first. Please ask again afterwards.",
  erased: "Done. Your messages, your name and your contacts are erased.",
};

/** The card; `refresh` draws the rest of the page again, once everything is erased or nothing can be. */
export function privacy(refresh, options) {
  let looks = 0;
  const section = card("Your data", async () => {
    const erasure = await find("/v1/me/erasure");
    if (isOnItsWay(erasure)) {
      if (looks < LOOK_MS.length) setTimeout(() => section.isConnected && section.refresh(), LOOK_MS[looks++]);
    } else if (looks) {
      looks = 0;
      refresh();
    }
    return draw(erasure, () => section.refresh());
  }, options);
  return section;
}

const isOnItsWay = (erasure) => erasure?.state === "checking" || (erasure?.state === "erased" && erasure.services.some((each) => each.erased === null));

const draw = (erasure, refresh) => [
  el("p", { class: "muted" }, "All data about you, as files with one line of JSON for each row."),
  el("div", { class: "row" },
    el("button", { onclick: (event) => doing(event.currentTarget, saveAll) }, "Download my data"),
    erasure?.state === "erased" ? null : el("button", { class: "quiet", onclick: () => ask(refresh) }, "Erase me …")),
  erasure ? el("div", { role: "status" }, el("p", {}, STATES[erasure.state]), obstacles(erasure)) : null,
];

const obstacles = ({ services }) => {
  const open = services.flatMap((each) => each.obstacles ?? []);
  return open.length ? el("ul", {}, open.map((name) => el("li", {}, words(name)))) : null;
};

/** One file a service: a link alone would have no token. */
async function saveAll() {
  const { items } = await get("/v1/me/export");
  for (const each of items) {
    const address = URL.createObjectURL(new Blob([await getText(each.path)], { type: "application/jsonl" }));
    el("a", { href: address, download: `${each.service}.jsonl` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }
}

function ask(refresh) {
  const forfeit = el("input", { type: "checkbox", name: "forfeit" });
  const dialog = open("Erase me", [
    el("p", {}, "We erase your messages, names, addresses and payout accounts everywhere. This cannot be undone. Receipts and books keep only a number that does not name you."),
    el("label", { class: "check" }, forfeit, "I give up my remaining coins and diamonds"),
  ], [el("button", { class: "danger", onclick: (event) => doing(event.currentTarget, async () => {
    await call("DELETE", path`/v1/me?forfeit=${forfeit.checked}`);
    dialog.close();
    refresh();
  }) }, "Erase me for good")]);
}
