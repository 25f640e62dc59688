// Back from the provider's page: look up what became of the purchase, and believe no address.
import { get, path } from "./api.js";
import { $, el, icon, show } from "./dom.js";
import { nameOf, parts, t } from "./language.js";
import { back, isOver, postBack } from "./returning.js";
import { me } from "./session.js";

const LOOK_MS = [600, 800, 1000, 1500, 2000, 3000, 5000];
// After so many looks the viewer has probably come back without having paid.
const LOOKS_UNPAID = 2;
const WAITING = { icon: "clock", tone: "warn", code: "pending" };
const OUTCOMES = {
  created: WAITING,
  pending: WAITING,
  paid: { icon: "clock", tone: "warn", code: "paid" },
  completed: { icon: "check", tone: "good", code: "completed" },
  failed: { icon: "close", tone: "bad", code: "failed" },
  expired: { icon: "close", tone: "bad", code: "expired" },
  mismatched: { icon: "clock", tone: "warn", code: "mismatched" },
};
// Nobody is signed in here, or somebody else than who bought.
const UNKNOWN = { icon: "clock", tone: "warn", code: "unknown" };

const named = new URLSearchParams(location.search).get("purchase") ?? "";
const purchase = /^[0-9a-f-]{36}$/i.test(named) ? named : null;

function draw(said, page = null) {
  show($("main"), el("section", { class: "card narrow", role: "status" },
    el("span", { class: `badge ${said.tone}` }, icon(said.icon)),
    el("h1", {}, nameOf("payment", said.code)),
    el("p", { class: "muted" }, nameOf("payment-text", said.code)),
    page ? el("p", {}, parts("paid.not-paid", { link: el("a", { href: page, rel: "noreferrer" }, t("paid.payment-page")) })) : null,
    el("div", { class: "row" }, el("a", { class: "button primary", href: "/" }, t("paid.room")), el("a", { class: "button", href: "/wallet" }, t("step.wallet-page")))));
}

/** Look until the purchase is over. What this tab may not see, the tab that waits may tell. */
async function follow() {
  draw(purchase && me() ? WAITING : UNKNOWN);
  back.addEventListener("message", ({ data }) => {
    if (data?.kind === "outcome" && data.purchase === purchase && OUTCOMES[data.state]) draw(OUTCOMES[data.state]);
  });
  postBack(purchase);
  let shown = null;
  for (let tries = 0; purchase && me(); tries += 1) {
    const found = await get(path`/v1/purchases/${purchase}`).catch((error) => error);
    if (found.status >= 400 && found.status < 500 && found.status !== 429) return draw(UNKNOWN);
    if (OUTCOMES[found.state] && found.state !== shown) draw(OUTCOMES[found.state]);
    shown = OUTCOMES[found.state] ? found.state : shown;
    const page = found.next_action?.url;
    if (page && tries === LOOKS_UNPAID) draw(OUTCOMES[found.state], page);
    if (isOver(found.state)) return undefined;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS[Math.min(tries, LOOK_MS.length - 1)]));
  }
  return undefined;
}

follow();
