// What a creator gets for diamonds, with whom gifts are shared, and which bonuses there were.
import { get, path } from "./api.js";
import { diamonds, el, who } from "./dom.js";
import { fact } from "./payouts.js";
import { day, money } from "./words.js";

const BONUSES_SHOWN = 5;

/** The terms of now, and whatever was announced to follow. */
export async function terms() {
  const [mine, { items: bonuses }] = await Promise.all([
    get("/v1/earnings/me/terms"), get(path`/v1/earnings/me/bonuses?limit=${BONUSES_SHOWN}`)]);
  return [
    el("dl", { class: "facts" },
      fact("1,000 diamonds", worth(mine.rate)),
      mine.next_rate ? fact(`From ${day(mine.next_rate.effective_from)}`, worth(mine.next_rate.rate)) : null,
      fact("Gifts shared with", shared(mine.split)),
      mine.next_split ? fact(`From ${day(mine.next_split.effective_from)}`, shared(mine.next_split)) : null),
    bonuses.length ? el("ul", { class: "lines" }, bonuses.map((bonus) => el("li", {},
      el("span", { class: "grow" }, el("strong", {}, `Bonus: ${bonus.reason}`), el("span", { class: "small muted" }, `${day(bonus.earned_at)}, from ${bonus.funder}`)),
      diamonds(bonus.diamonds)))) : null,
  ].filter(Boolean);
}

const worth = (rate) => money(rate.value_minor_per_1000, rate.currency);

function shared(split) {
  if (!split?.shares.length) return "nobody";
  return el("span", {}, split.shares.flatMap(({ party, share_bp: share }, place) => [place ? ", " : null, who(party), ` ${share / 100} %`]));
}
