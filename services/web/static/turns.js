// How the tabs of one browser share what it has: over HTTP/1.1 six connections to one place, and a
// feed is one that does not end. So few tabs hold a feed at a time, and those that want one take turns.
const PLACES = 4;
const NAME = "ovation.feed.";
const FREE = { leave: () => {}, isWanted: async () => false };

/** Wait for a place, until `signal` says not to; `leave` gives it back, `isWanted` says whether others wait. */
export function place(signal) {
  // Without locks (no secure context, an old browser) every tab has one.
  if (!navigator.locks) return Promise.resolve(FREE);
  return new Promise((resolve, reject) => {
    const waiting = new AbortController();
    let taken = false;
    signal.addEventListener("abort", () => {
      waiting.abort();
      reject(signal.reason ?? new Error("Nobody waits for a place any more."));
    });
    const take = () => {
      if (taken || signal.aborted) return undefined;
      taken = true;
      return new Promise((leave) => {
        resolve({ leave, isWanted });
        // The others are not asked for any more; what is held is held.
        setTimeout(() => waiting.abort());
      });
    };
    for (let number = 0; number < PLACES; number += 1) {
      navigator.locks.request(`${NAME}${number}`, { signal: waiting.signal }, take).catch(() => {});
    }
  });
}

async function isWanted() {
  const { pending } = await navigator.locks.query();
  return (pending ?? []).some((lock) => lock.name?.startsWith(NAME));
}
