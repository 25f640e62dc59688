// What a creator gets for diamonds, with whom gifts are shared, and which bonuses there were.
import { get, path } from "./api.js";
import { diamonds, el } from "./dom.js";
import { locale, parts, t } from "./language.js";
import { fact } from "./payouts.js";
import { who } from "./people.js";
import { rateInWords } from "./rates.js";
import { day } from "./words.js";

const BONUSES_SHOWN = 5;

/** The terms of now, and whatever was announced to follow. */
export async function terms() {
  const [mine, { items: bonuses }] = await Promise.all([
    get("/v1/earnings/me/terms"), get(path`/v1/earnings/me/bonuses?limit=${BONUSES_SHOWN}`)]);
  return [
    el("dl", { class: "facts" },
      fact(t("rate.title"), rateInWords(mine.rate)),
      mine.next_rate ? fact(t("terms.from", { day: day(mine.next_rate.effective_from) }), rateInWords(mine.next_rate.rate)) : null,
      fact(t("terms.shared"), shared(mine.split)),
      mine.next_split ? fact(t("terms.from", { day: day(mine.next_split.effective_from) }), shared(mine.next_split)) : null),
    bonuses.length ? el("ul", { class: "lines" }, bonuses.map((bonus) => el("li", {},
      el("span", { class: "grow" }, el("strong", {}, t("terms.bonus", { reason: bonus.reason })), el("span", { class: "small muted" }, t("terms.bonus-from", { day: day(bonus.earned_at), funder: bonus.funder }))),
      diamonds(bonus.diamonds)))) : null,
  ].filter(Boolean);
}

function shared(split) {
  if (!split?.shares.length) return t("terms.nobody");
  return el("ul", {}, split.shares.map(({ party, share_bp: share }) => el("li", {}, parts("terms.share", { party: who(party), share: percent(share) }))));
}

const percent = (share) => (share / 10_000).toLocaleString(locale, { style: "percent", maximumFractionDigits: 2 });
