// The rooms a creator owns: give one, or take it.
import { call, get, path, person } from "../api.js";
import { el, empty } from "../dom.js";
import { day } from "../words.js";
import { panel } from "./access.js";
import { actionButton } from "./actions.js";

const ROOM_MAX = 64;

export function roomsOf(user) {
  const section = panel(["rooms:write"], "Rooms", async () => {
    const { items } = await get(path`/v1/operator/live/creators/${person(user)}/rooms`);
    const refresh = () => section.refresh();
    return [items.length ? el("ul", { class: "lines" }, items.map((room) => line(user, room, refresh))) : empty("No rooms", "This person owns no room."),
      el("div", { class: "row" }, actionButton("Give a room", `to ${user}`, () => given(user, refresh)))];
  }, { id: "rooms" });
  return section;
}

const line = (user, room, refresh) => el("li", {}, room.live ? el("span", { class: "tag good" }, "live") : null,
  el("span", { class: "grow" }, el("strong", {}, room.room), el("span", { class: "small muted" }, room.owned_since ? `since ${day(room.owned_since)}` : "")),
  actionButton("Release", `room ${room.room}`, () => ({
    title: "Take this room from its owner?", touches: [["Room", room.room], ["Owner", user], ["Now", room.live ? "live: the stream ends" : "not live"]], asksReason: false, yes: "Release", done: refresh,
    effect: "The next creator who opens it owns it.",
    send: async () => { await call("DELETE", path`/v1/operator/live/rooms/${room.room}/owner`); return "The room has no owner."; },
  })));

function given(user, done) {
  const room = el("input", { name: "room", required: true, maxlength: ROOM_MAX, autocomplete: "off" });
  return {
    title: "Give this person a room?", touches: [["New owner", user]], asksReason: false, yes: "Give", done, fields: [el("label", { class: "field" }, "Room", room)],
    effect: "If it has an owner, it is theirs no more, and their stream in it ends.",
    send: async () => `The room is ${(await call("PUT", path`/v1/operator/live/rooms/${room.value.trim()}/owner`, { body: { creator: user } })).creator}'s.`,
  };
}
