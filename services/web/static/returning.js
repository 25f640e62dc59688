// Between the tab that pays and the tab that waits for it: "I am back", and what became of it.
const OVER = ["completed", "failed", "expired", "mismatched"];
const outcomes = new Map();

export const back = channel();
export const isOver = (state) => OVER.includes(state);
/** A browser may refuse it to a page framed by another site: such a page hears of nothing, and looks itself. */
function channel() {
  try {
    return new BroadcastChannel("ovation.paid");
  } catch {
    return /** @type {BroadcastChannel} */ (/** @type {unknown} */ (Object.assign(new EventTarget(), { postMessage: () => {} })));
  }
}

export const postBack = (purchase) => back.postMessage({ kind: "back", purchase });

/** The tab that waits knows how a purchase ended: whoever is back, or comes later, hears it. */
export function postOutcome(purchase, state) {
  outcomes.set(purchase, state);
  back.postMessage({ kind: "outcome", purchase, state });
}

back.addEventListener("message", ({ data }) => {
  if (data?.kind === "back" && outcomes.has(data.purchase)) postOutcome(data.purchase, outcomes.get(data.purchase));
});
