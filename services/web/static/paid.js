// Back from the provider's page: look up what became of the purchase, and believe no address.
import { get, path } from "./api.js";
import { $, el, icon, show } from "./dom.js";
import { back, isOver, postBack } from "./returning.js";
import { me } from "./session.js";

const LOOK_MS = [600, 800, 1000, 1500, 2000, 3000, 5000];
// After so many looks the viewer has probably come back without having paid.
const LOOKS_UNPAID = 2;
const WAITING = { icon: "clock", tone: "warn", title: "Your payment is not confirmed yet", text: "This page looks again by itself. Your coins arrive as soon as the payment is confirmed." };
const OUTCOMES = {
  created: WAITING,
  pending: WAITING,
  paid: { icon: "clock", tone: "warn", title: "Paid", text: "Your coins are on their way to your wallet." },
  completed: { icon: "check", tone: "good", title: "Thank you", text: "Your coins are in your wallet. You can close this tab and go on where you were." },
  failed: { icon: "close", tone: "bad", title: "The payment was declined", text: "You have not been charged, and there are no coins for it. Close this tab and try again where you were, perhaps with another card." },
  expired: { icon: "close", tone: "bad", title: "This purchase is over", text: "It was not paid in time, so there are no coins for it. You can buy again at any time." },
  mismatched: { icon: "clock", tone: "warn", title: "Your payment has to be looked at", text: "Another amount came than was asked for. Support looks into it." },
};
// Nobody is signed in here, or somebody else than who bought.
const UNKNOWN = { icon: "clock", tone: "warn", title: "Welcome back", text: "Your wallet shows what became of your payment." };

const named = new URLSearchParams(location.search).get("purchase") ?? "";
const purchase = /^[0-9a-f-]{36}$/i.test(named) ? named : null;

function draw(said, page = null) {
  show($("main"), el("section", { class: "card narrow", role: "status" },
    el("span", { class: `badge ${said.tone}` }, icon(said.icon)),
    el("h1", {}, said.title),
    el("p", { class: "muted" }, said.text),
    page ? el("p", {}, "Did you not pay? ", el("a", { href: page, rel: "noreferrer" }, "Back to the payment page")) : null,
    el("div", { class: "row" }, el("a", { class: "button primary", href: "/" }, "Back to the room"), el("a", { class: "button", href: "/wallet" }, "To the wallet"))));
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
