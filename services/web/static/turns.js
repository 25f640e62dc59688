// How the tabs of one browser share what it has: over HTTP/1.1 six connections to one place, and a
// feed is one that does not end. So few tabs hold a feed at a time, and those that want one take turns.
const PLACES = 4;
const NAME = "ovation.feed.";
// Held by the tab that is next, so that those with a place see it. Firefox lists no locks to a frame of another site.
const NEXT = `${NAME}next`;
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
    const ask = (name, callback) => navigator.locks.request(name, { signal: waiting.signal }, callback).catch(() => {
      // Nobody stopped waiting: the browser refuses locks to this page, as to a frame that may keep nothing.
      if (!waiting.signal.aborted) resolve(FREE);
    });
    ask(NEXT, () => waiting.signal.aborted ? undefined : new Promise((/** @type {(value?: unknown) => void} */ passed) => {
      waiting.signal.addEventListener("abort", passed);
      for (let number = 0; number < PLACES; number += 1) ask(`${NAME}${number}`, take);
    }));
  });
}

/** Whether the lock of the one who is next is held; those who look are in nobody's way. */
async function isWanted() {
  return navigator.locks.request(NEXT, { mode: "shared", ifAvailable: true }, (lock) => lock === null).catch(() => false);
}
