// Your data: download all of it, and ask to be erased.
import { call, find, get, getText, path } from "./api.js";
import { el } from "./dom.js";
import { nameOf, t } from "./language.js";
import { card, doing, open } from "./shell.js";

// Services answer within a second or two; the page then shows the result.
const LOOK_MS = [500, 1000, 2000, 4000, 8000];

/** The card; `refresh` draws the rest of the page again, once everything is erased or nothing can be. */
export function privacy(refresh, options) {
  let looks = 0;
  const section = card(t("privacy.title"), async () => {
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
  el("p", { class: "muted" }, t("privacy.about")),
  el("div", { class: "row" },
    el("button", { onclick: (event) => doing(event.currentTarget, saveAll) }, t("privacy.download")),
    erasure?.state === "erased" ? null : el("button", { class: "quiet", onclick: () => ask(refresh) }, t("privacy.erase"))),
  erasure ? el("div", { role: "status" }, el("p", {}, nameOf("erasure", erasure.state)), obstacles(erasure)) : null,
];

const obstacles = ({ services }) => {
  const open = services.flatMap((each) => each.obstacles ?? []);
  return open.length ? el("ul", {}, open.map((name) => el("li", {}, nameOf("erasure-obstacle", name)))) : null;
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
  const dialog = open(t("privacy.erase-title"), [
    el("p", {}, t("privacy.erase-text")),
    el("label", { class: "check" }, forfeit, t("privacy.forfeit")),
  ], [el("button", { class: "danger", onclick: (event) => doing(event.currentTarget, async () => {
    await call("DELETE", path`/v1/me?forfeit=${forfeit.checked}`);
    dialog.close();
    refresh();
  }) }, t("privacy.erase-yes"))]);
}
