"""The live service in a test's words: gifts are sent in rooms, people watch."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import uvicorn

from services.live import consumers
from services.live.api.hub import Hub
from services.live.commands.rebuild import publish_differences
from services.live.main import build_http
from services.live.store.rebuild import begin_rebuild, end_filling
from shared.contracts.gift import ComboEnded, GiftReversed, GiftSent
from shared.contracts.wallet import LotKind, Slice
from shared.http.connection import Connection
from shared.postgres.database import Database
from shared.postgres.statements import text
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
async def owner_of(postgres, credentials):
    """Open a database of live's again, as who may empty it."""
    async with AsyncExitStack() as opened:

        def open_as_owner(database):
            owner = Database(
                postgres.dsn(
                    database.name, user="live_owner", password=credentials.database["live_owner"]
                )
            )
            opened.push_async_callback(owner.close)
            return owner

        yield open_as_owner


@pytest.fixture
def rebuild(database, owner_of):
    return Rebuild(database, owner_of(database))


@pytest.fixture
async def server(app):
    """The app behind the server that runs it in production; returns its port."""
    config = uvicorn.Config(
        app, port=0, http=Connection, ws="none", lifespan="off", log_config=None, access_log=False
    )
    running = uvicorn.Server(config)
    serving = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.01)
    yield running.servers[0].sockets[0].getsockname()[1]
    running.should_exit = running.force_exit = True
    await asyncio.wait_for(serving, SOON_SECONDS)


@pytest.fixture
async def follow(server):
    """Open an event stream and read its beginning."""
    opened = []

    async def connect(token=None):
        reader, writer = await asyncio.open_connection("127.0.0.1", server)
        opened.append(writer)
        head = (
            "GET /v1/rooms/room-1/events HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {token or a_token()}"
        )
        writer.write(f"{head}\r\n\r\n".encode())
        await asyncio.wait_for(reader.readuntil(b"retry: 2000\n\n\r\n"), SOON_SECONDS)
        return reader

    yield connect
    for writer in opened:
        writer.close()
