// The rooms a creator owns: give one, or take it.
import { call, get, path, person } from "../api.js";
import { el, empty } from "../dom.js";
import { t } from "../language.js";
import { day } from "../words.js";
import { panel } from "./access.js";
import { actionButton } from "./actions.js";

const ROOM_MAX = 64;

export function roomsOf(user) {
  const section = panel(["rooms:write"], t("console.rooms"), async () => {
    const { items } = await get(path`/v1/operator/live/creators/${person(user)}/rooms`);
    const refresh = () => section.refresh();
    return [items.length ? el("ul", { class: "lines" }, items.map((room) => line(user, room, refresh))) : empty(t("console.rooms-none"), t("console.rooms-none-text")),
      el("div", { class: "row" }, actionButton(t("console.give-room"), t("console.give-room-about", { person: user }), () => given(user, refresh)))];
  }, { id: "rooms" });
  return section;
}

const line = (user, room, refresh) => el("li", {}, room.live ? el("span", { class: "tag good" }, t("console.live")) : null,
  el("span", { class: "grow" }, el("strong", {}, room.room), el("span", { class: "small muted" }, room.owned_since ? t("console.since", { time: day(room.owned_since) }) : "")),
  actionButton(t("console.release"), t("console.release-about", { room: room.room }), () => ({
    title: t("console.release-title"), touches: [[t("console.room"), room.room], [t("console.owner"), user], [t("console.now"), t(room.live ? "console.live-ends" : "console.not-live")]], asksReason: false, yes: t("console.release"), done: refresh,
    effect: t("console.release-effect"),
    send: async () => { await call("DELETE", path`/v1/operator/live/rooms/${room.room}/owner`); return t("console.released"); },
  })));

function given(user, done) {
  const room = el("input", { name: "room", required: true, maxlength: ROOM_MAX, autocomplete: "off" });
  return {
    title: t("console.give-room-title"), touches: [[t("console.new-owner"), user]], asksReason: false, yes: t("console.give"), done, fields: [el("label", { class: "field" }, t("console.room"), room)],
    effect: t("console.give-room-effect"),
    send: async () => t("console.room-given", { owner: (await call("PUT", path`/v1/operator/live/rooms/${room.value.trim()}/owner`, { body: { creator: user } })).creator }),
  };
}
