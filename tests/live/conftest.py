"""The live service in a test's words: gifts are sent in rooms, people watch."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.live import consumers
from services.live.commands.showing import Hub
from services.live.main import build_http
from shared.contracts.gift import GiftSent
from shared.contracts.wallet import LotKind, Slice
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import a_broker, a_delivery


def a_gift_sent(coins=10, **about):
    piece = Slice(lot=uuid4(), kind=LotKind.PAID, coins=coins, diamond_rate_bp=10_000)
    known = {
        "gift": uuid4(),
        "viewer": "mira",
        "creator": "lea",
        "room": "room-1",
        "gift_type": "g_tea",
        "count": 1,
        "coins": coins,
        "slices": (piece,),
        "requested_at": datetime.now(UTC),
    }
    return GiftSent(**{**known, **about})


@pytest.fixture
def hub(database):
    return Hub(database)


@pytest.fixture
def app(database, hub):
    return build_http(database, a_verifier(), hub)


@pytest.fixture
async def mira(app):
    async with client_of(app, a_token("mira")) as client:
        yield client


@pytest.fixture
def hear(database, hub):
    (consumer,) = consumers.build(database, a_broker("live"), show=hub.show)

    async def hear_all(*events, at=None):
        await consumer.receive([a_delivery(event, at=at) for event in events])

    return hear_all


@pytest.fixture
def look(mira):
    async def read(room="room-1"):
        return (await mira.get(f"/v1/rooms/{room}")).json()

    return read
