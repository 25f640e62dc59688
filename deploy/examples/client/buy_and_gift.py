"""Buy coins with the sandbox, send a gift, and hear of it in the room's feed."""

import asyncio
import os

from ovation_client import Ovation, follow
from ovation_client.api.gifts import send_gift
from ovation_client.api.purchases import buy_coins, read_purchase
from ovation_client.api.rooms import read_room
from ovation_client.models import PurchaseRequest, PurchaseState, Redirect, SendGiftRequest

URL, CREATOR, ROOM = os.environ["OVATION_URL"], os.environ["CREATOR"], os.environ["ROOM"]


async def token():
    return os.environ["TOKEN"]


async def main():
    async with Ovation(URL, token=token) as ovation:
        bought = await buy_coins(ovation, body=PurchaseRequest(package="coins_5000"))
        assert isinstance(bought.next_action, Redirect)
        await ovation.http.post(bought.next_action.url, data={"card": "4242 4242 4242 4242"})
        while bought.state != PurchaseState.COMPLETED:
            bought = await read_purchase(ovation, bought.purchase)
        begin = (await read_room(ovation, ROOM)).last_event_id
        wanted = SendGiftRequest(gift_type="g_orchestra", creator=CREATOR, room=ROOM)
        gift = await send_gift(ovation, body=wanted)
        async for entry in follow(ovation, ROOM, after=begin):
            if entry.data.get("gift") == str(gift.gift):
                print(f"{entry.data['viewer']} sent {entry.data['name']}, {gift.coins} coins")
                return


asyncio.run(main())
