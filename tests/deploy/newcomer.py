"""
Starts one service of this checkout and sends it a gift: `python -m tests.deploy.newcomer NAME`.

`test_new_service.py` runs it in a copy of the checkout that has one service more.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
import httpx

from deploy.harness.system import System
from shared.contracts.envelope import Cause
from shared.contracts.gift import GiftSent
from shared.contracts.wallet import LotKind, Slice
from shared.messaging.facts import Fact
from shared.messaging.outbox import EVENTS_EXCHANGE, message_of, own_exchange

COUNT_SECONDS_MAX = 60.0
CREATOR, COINS = "lea", 10


def main(name):
    gift, other = a_gift(), a_gift()
    with System(fast=True, programs=("issuer", name)) as system:
        url = f"{system.gateway_url}/v1/{name}"
        token = {"Authorization": f"Bearer {system.token(CREATOR)}"}

        def counts(gifts):
            answer = httpx.get(f"{url}/me", headers=token, timeout=60)
            return answer.json() == {"gifts": gifts, "coins": gifts * COINS}

        assert counts(0)
        asyncio.run(publish(system, gift))
        wait_until(lambda: counts(1))
        # The same once more, and another behind it: when that is counted, both were heard.
        asyncio.run(publish(system, gift, other))
        wait_until(lambda: counts(2))
        stranger = {"Authorization": f"Bearer {system.token('otto')}"}
        assert httpx.get(f"{url}/{CREATOR}", headers=stranger, timeout=60).status_code == 403


def a_gift():
    now = datetime.now(UTC)
    return GiftSent(
        gift=uuid4(),
        viewer="mira",
        creator=CREATOR,
        room="room-1",
        gift_type="g_tea",
        count=1,
        coins=COINS,
        slices=(Slice(lot=uuid4(), kind=LotKind.PAID, coins=COINS, diamond_rate_bp=10_000),),
        requested_at=now,
    )


async def publish(system, *gifts):
    """Publish facts as gift's relay does."""
    address = system.rabbit.url(
        system.endpoints_of("gift").vhost, user="gift", password=system.secrets.broker["gift"]
    )
    async with await aio_pika.connect(address) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(own_exchange(EVENTS_EXCHANGE, "gift"), ensure=False)
        for gift in gifts:
            fact = Fact(gift, sequence=1, cause=Cause("story"))
            written = message_of(fact, datetime.now(UTC))
            message = aio_pika.Message(
                written.body,
                headers=written.headers,
                message_id=str(written.message_id),
                type=gift.type(),
                user_id="gift",
            )
            await exchange.publish(message, routing_key=gift.name)


def wait_until(happy):
    deadline = time.monotonic() + COUNT_SECONDS_MAX
    while not happy():
        assert time.monotonic() < deadline
        time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1])
