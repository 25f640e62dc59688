// Until when evidence of a dispute is due.
import { locale } from "../language.js";

// Less than this is left: somebody has to collect evidence now.
const SOON_SECONDS = 2 * 86400;

/** @type {[Intl.RelativeTimeFormatUnit, number, number][]} a unit, its seconds, and from when on it is used */
const UNITS = [["day", 86400, 2 * 86400], ["hour", 3600, 3600], ["minute", 60, 0]];

export const secondsLeft = (moment) => (Number(new Date(moment)) - Date.now()) / 1000;

/** How long until a deadline, rounded down: what is left is never less. */
export function timeLeft(moment) {
  const seconds = secondsLeft(moment);
  const [unit, length] = UNITS.find(([, , from]) => Math.abs(seconds) >= from) ?? UNITS[2];
  return new Intl.RelativeTimeFormat(locale).format(Math.trunc(seconds / length), unit);
}

/** Whether a dispute is lost unless somebody hands in evidence soon, or it is late already. */
export const isDueSoon = (dispute) => dispute.state === "open" && !dispute.evidence_submitted && dispute.evidence_due_at !== null && secondsLeft(dispute.evidence_due_at) <= SOON_SECONDS;

/** How many disputes sums of several currencies are of. */
export const counted = (sums) => sums.reduce((total, sum) => total + sum.disputes, 0);
