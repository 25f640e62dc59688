// A team's endpoints: which events it gets by webhook, what failed, and the button that sends that again.
import { call, get, path, postSurely } from "../api.js";
import { el, empty, table } from "../dom.js";
import { nameOf, t } from "../language.js";
import { doing } from "../shell.js";
import { fromNow, number, short, time } from "../words.js";
import { may, panel } from "./access.js";
import { actionButton } from "./actions.js";
import { teamAddress } from "./addresses.js";
import { numbers, texts } from "./columns.js";
import { runbook } from "./runbooks.js";

const TEAM_MAX = 31;
const FAILED = 20;
const TEAMS = 100;

/** The teams by name; one that is further down is opened by its name. */
export const teams = () => panel(["webhooks:read"], t("console.teams"), async () => {
  const { items, next_cursor: more } = await get(path`/v1/operator/webhooks/teams?limit=${TEAMS}`);
  const field = el("input", { name: "team", required: true, maxlength: TEAM_MAX, pattern: "[a-z][a-z0-9_\\-]*", autocomplete: "off" });
  return [el("p", { class: "small muted" }, t("console.teams-what")),
    items.length ? table(t("console.teams"), [...texts("console.team"), ...numbers("console.events-granted", "console.endpoints", "console.endpoints-failing", "console.endpoints-off")],
      items.map((one) => [el("a", { href: teamAddress(one.team) }, one.team), ...[one.events, one.endpoints, one.failing, one.disabled].map(number)])) : empty(t("console.teams-none"), t("console.teams-none-text")),
    more ? el("p", { class: "small muted" }, t("console.teams-more", { number: TEAMS })) : null,
    el("form", { class: "fields", onsubmit: (event) => { event.preventDefault(); location.assign(teamAddress(field.value)); } },
      el("label", { class: "field" }, t("console.team"), field), el("div", {}, el("button", {}, t("console.team-open"))))];
}, { id: "teams" });

/** Everything about one team. */
export function teamPage(team) {
  const section = panel(["webhooks:read"], t("console.endpoints"), async () => {
    const [granted, { items }] = await Promise.all([get(path`/v1/teams/${team}`), get(path`/v1/teams/${team}/endpoints`)]);
    return [el("p", {}, t("console.team-events", { events: granted.events.join(", ") || t("console.none") })),
      items.length ? el("ul", { class: "lines" }, items.map((one) => endpoint(team, one, () => section.refresh()))) : empty(t("console.endpoints-none"), t("console.endpoints-none-text")),
      el("p", {}, runbook("undelivered-events"))];
  }, { id: "endpoints", className: "across" });
  return el("section", { "aria-label": t("console.team-named", { team }) }, el("h2", { class: "person-title" }, team),
    section ? el("div", { class: "columns two" }, section) : el("p", { class: "muted" }, t("console.team-closed")));
}

function endpoint(team, one, refresh) {
  const failed = el("div");
  const base = path`/v1/teams/${team}/endpoints/${one.endpoint}`;
  const about = { url: one.url };
  const show = async () => {
    const { items } = await get(`${base}/deliveries?state=failed&limit=${FAILED}`);
    failed.replaceChildren(items.length ? table(t("console.deliveries-failed"), [...texts("console.when", "console.event", "console.message"), ...numbers("console.attempts")],
      items.map((each) => [time(each.created_at), each.name, el("span", { title: each.event }, short(each.event)), number(each.attempts)])) : empty(t("console.deliveries-none"), t("console.deliveries-none-text")));
  };
  return el("li", { id: `endpoint-${one.endpoint}` }, state(one),
    el("span", { class: "grow" }, el("strong", {}, one.url), el("span", { class: "small muted" }, one.events.join(", ")),
      one.failures ? el("span", { class: "small" }, t("console.endpoint-failing", { count: one.failures })) : null,
      one.paused_until ? el("span", { class: "small" }, t("console.endpoint-paused", { time: fromNow(one.paused_until) })) : null, failed),
    el("button", { class: "tiny quiet", "aria-label": t("console.failed-of", about), onclick: (event) => doing(event.currentTarget, show) }, t("console.failed")),
    may("webhooks:write") ? [
      one.enabled ? actionButton(t("console.resend"), t("console.resend-about", about), () => resend(base, one, refresh)) : null,
      actionButton(t(one.enabled ? "console.disable" : "console.enable"), t(one.enabled ? "console.disable-about" : "console.enable-about", about), () => switched(base, one, refresh)),
    ] : null);
}

function state(one) {
  if (!one.enabled) return el("span", { class: "tag bad" }, one.disabled ? nameOf("console-disabled", one.disabled) : t("console.disabled"));
  return one.failures ? el("span", { class: "tag warn" }, t("console.failing")) : el("span", { class: "tag good" }, t("console.delivering"));
}

const resend = (base, one, done) => ({
  title: t("console.resend-title"), touches: [[t("console.team"), one.team], [t("console.endpoint"), one.url]], effect: t("console.resend-effect"), yes: t("console.resend"), danger: false, asksReason: false, done,
  send: async ({ key }) => t("console.resent", { count: (await postSurely(`${base}/replays`, { failed: true }, key)).deliveries }),
});

const switched = (base, one, done) => ({
  title: t(one.enabled ? "console.disable-title" : "console.enable-title"), touches: [[t("console.team"), one.team], [t("console.endpoint"), one.url]],
  effect: t(one.enabled ? "console.disable-effect" : "console.enable-effect"), yes: t(one.enabled ? "console.disable" : "console.enable"), danger: one.enabled, asksReason: false, done,
  send: async () => { await call("PATCH", base, { body: { enabled: !one.enabled } }); return t(one.enabled ? "console.disabled-now" : "console.enabled-now"); },
});
