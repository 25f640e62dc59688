// Your data: read all that is known of you, and ask that what names you be erased.
import { call, find, get, getText, path } from "./api.js";
import { el } from "./dom.js";
import { card, doing, open } from "./shell.js";
import { words } from "./words.js";

// Services answer within a second or two; who asked sees what came of it.
const LOOK_MS = [500, 1000, 2000, 4000, 8000];
const STATES = {
  checking: "Every service is looking whether your money is settled.",
  refused: "Not yet: something has to end first. Then ask again.",
  erased: "Done: what you wrote and what names you is erased.",
};

export function privacy(options) {
  let looks = 0;
  const section = card("Your data", async () => {
    const erasure = await find("/v1/me/erasure");
    if (erasure?.state !== "checking") looks = 0;
    else if (looks < LOOK_MS.length) setTimeout(() => section.isConnected && section.refresh(), LOOK_MS[looks++]);
    return draw(erasure, () => section.refresh());
  }, options);
  return section;
}

const draw = (erasure, refresh) => [
  el("p", { class: "muted" }, "Everything that is known of you, as files with a line of JSON for each row."),
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
    el("p", {}, "Messages, names, addresses and accounts that money goes to are erased everywhere. This cannot be undone. Receipts and books keep a number that names nobody."),
    el("label", { class: "check" }, forfeit, "I give up the coins and diamonds that are left"),
  ], [el("button", { class: "danger", onclick: (event) => doing(event.currentTarget, async () => {
    await call("DELETE", path`/v1/me?forfeit=${forfeit.checked}`);
    dialog.close();
    refresh();
  }) }, "Erase me for good")]);
}
