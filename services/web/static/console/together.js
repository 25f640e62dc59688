// Two panels that ask for the same at the same time are told by one answer.

/**
 * The same reading, which those who ask while it goes on share.
 * @template T
 * @param {() => Promise<T>} read
 * @returns {() => Promise<T>}
 */
export function together(read) {
  /** @type {Promise<T> | null} */
  let going = null;
  return () => (going ??= read().finally(() => { going = null; }));
}
