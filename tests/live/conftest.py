"""The live service in a test's words: gifts are sent in rooms, people watch."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.live import consumers
from services.live.api.hub import Hub
from services.live.commands.rebuild import publish_differences
from services.live.main import build_http
from services.live.store.rebuild import begin_rebuild, end_filling
from shared.contracts.gift import ComboEnded, GiftReversed, GiftSent
from shared.contracts.wallet import LotKind, Slice
from shared.postgres.database import Database
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import a_broker, a_delivery, announced

LOT = uuid4()
# How long something that must happen may take on a busy machine.
SOON_SECONDS = 60


def key():
    """The header of a request that was never made before."""
    return {"Idempotency-Key": uuid4().hex}


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


def a_reversal(gift, revision, coins, *, contract=GiftReversed, lot=LOT):
    about = gift.model_dump(include={*GiftReversed.model_fields} - {"lot"})
    return contract(**about, lot=lot, revision=revision, reversed_coins=coins)


def a_combo_ended(gifts, **about):
    """The end of a combo that these gifts were."""
    first = gifts[0]
    now = datetime.now(UTC)
    known = {
        **{name: getattr(first, name) for name in ("combo", "viewer", "creator", "room")},
        "gift_type": first.gift_type,
        "gifts": len(gifts),
        "repeat_count": sum(gift.count for gift in gifts),
        "combo_coins": sum(gift.coins for gift in gifts),
        "started_at": now,
        "ended_at": now,
    }
    return ComboEnded(**{**known, **about})


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
async def as_creator(app):
    """Open clients of creators by name."""
    async with AsyncExitStack() as opened:

        async def client(name):
            token = a_token(name, roles=["creator"])
            return await opened.enter_async_context(client_of(app, token))

        yield client


@pytest.fixture
async def lea(as_creator):
    return await as_creator("lea")


@pytest.fixture
async def otto(as_creator):
    return await as_creator("otto")


@pytest.fixture
def published(database):
    """The published events of a name, in order."""

    async def of(name):
        return await announced(database, name)

    return of


@pytest.fixture
def receive(database, hub):
    (consumer,) = consumers.build(database, a_broker("live"), show=hub.show)

    async def receive_all(*events, at=None):
        await consumer.receive([a_delivery(event, at=at) for event in events])

    return receive_all


@pytest.fixture
def look(mira):
    async def read(room="room-1"):
        return (await mira.get(f"/v1/rooms/{room}")).json()

    return read


class Rebuild:
    """A rebuild of live, step by step: what an operator does, and what live does by itself."""

    def __init__(self, database, owner):
        self._database, self._owner = database, owner

    async def begin(self):
        async with self._owner.transaction() as tx:
            await begin_rebuild(tx)

    async def end_filling(self):
        async with self._owner.transaction() as tx:
            await end_filling(tx)

    async def publish(self, *, quiet_seconds=0, given_up_seconds=60):
        """Let the job run until it had time for every phase."""
        for _ in range(6):
            async with self._database.transaction() as tx:
                await publish_differences(
                    tx, quiet_seconds=quiet_seconds, given_up_seconds=given_up_seconds
                )

    async def phase(self):
        async with self._database.transaction() as tx:
            return (await tx.execute(text("SELECT phase FROM rebuilds"))).scalar_one_or_none()


@pytest.fixture
async def owner_of(credentials):
    """Open a database of live's again, as who may empty it."""
    async with AsyncExitStack() as opened:

        def open_as_owner(database):
            address = database.address.set(
                username="live_owner", password=credentials.database["live_owner"]
            )
            owner = Database(address.render_as_string(hide_password=False))
            opened.push_async_callback(owner.close)
            return owner

        yield open_as_owner


@pytest.fixture
def rebuild(database, owner_of):
    return Rebuild(database, owner_of(database))
