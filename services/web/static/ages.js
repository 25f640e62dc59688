// How old entries of a feed are by the clock that wrote them: this machine's own may be wrong by hours.

/** Return `ageOf(entry)`, in milliseconds. The newest entry so far is taken for now. */
export function ages() {
  let ahead = -Infinity;
  return (entry) => {
    const written = Date.parse(entry.sent_at ?? entry.at ?? "");
    if (Number.isNaN(written)) return 0;
    ahead = Math.max(ahead, written - Date.now());
    return Date.now() + ahead - written;
  };
}
