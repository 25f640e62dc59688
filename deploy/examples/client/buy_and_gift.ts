// Buy coins with the sandbox, send a gift, and hear of it in the room's feed.
import { follow, Ovation } from "@ovation/client";

const { OVATION_URL = "http://localhost:8080", TOKEN = "", CREATOR = "lea", ROOM = "room-1" } = process.env;
const ovation = new Ovation({ baseUrl: OVATION_URL, token: async () => TOKEN });

let bought = await ovation.post("/v1/purchases", { body: { package: "coins_5000" } });
if (bought.next_action?.type !== "redirect") throw new Error("There is no page to pay on.");
await fetch(bought.next_action.url, { method: "POST", body: new URLSearchParams({ card: "4242 4242 4242 4242" }) });
while (bought.state !== "completed") {
  bought = await ovation.get("/v1/purchases/{purchase}", { params: { path: { purchase: bought.purchase } } });
}
const { last_event_id } = await ovation.get("/v1/rooms/{room}", { params: { path: { room: ROOM } } });
const gift = await ovation.post("/v1/gifts", { body: { gift_type: "g_orchestra", creator: CREATOR, room: ROOM } });
for await (const { data } of follow(ovation, ROOM, { after: last_event_id })) {
  if (data.gift !== gift.gift) continue;
  console.log(`${data.viewer} sent ${data.name}, ${gift.coins} coins`);
  break;
}
