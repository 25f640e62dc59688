"""How each fault of a plan is done, and undone, to the running system."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import UUID

import asyncpg
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from aiormq.exceptions import AMQPError

from deploy.ctl.redelivery import Redelivery, Undeliverable, redeliver
from deploy.harness.processes import ServerFailed
from shared.contracts.decoding import original_publisher
from shared.contracts.routes import QUEUES
from shared.messaging.log import Start, log_of, read_log
from tests.chaos.plan import Fault, Kind
from tests.chaos.stage import DisturbedSystem

REPEATED_MAX = 300
SHUFFLED_MAX = 400
RECENT = timedelta(seconds=5)
# Of all repetitions, how many repeat the oldest facts there are, after the inbox forgot them.
OLD_SHARE = 0.4
READ_SECONDS_MAX = 5.0
DELAY_SECONDS_MIN, DELAY_SECONDS_MAX = 0.02, 0.2
# A broker that has just come back may not have all its queues yet.
BROKER_TRIES_MAX = 5
TRY_AGAIN_SECONDS = 1.0
# It lists its connections a while after they were opened.
LISTED_SECONDS_MAX = 10
BROKER = "broker"
TROUBLES = (
    *(OSError, TimeoutError, AMQPError, Undeliverable),
    *(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
)
_FORGET = "DELETE FROM inbox WHERE queue = $1 AND message_id = ANY($2)"

Say = Callable[[str], None]


class Striker:
    """
    Strikes; faults may overlap, but never two at the same server or service.

    Whatever is done is undone before a strike ends.
    """

    def __init__(self, system: DisturbedSystem) -> None:
        self._system = system
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.injected = 0
        # Services that were found dead when it was their turn to be killed.
        self.died: list[str] = []

    async def strike(self, fault: Fault) -> str:
        """Let a fault happen and end; return what came of it, in a few words."""
        started = time.monotonic()
        dice = random.Random(fault.dice)
        match fault.kind:
            case Kind.KILL_SERVICE:
                done = await self._kill_service(fault.target, fault.seconds)
            case Kind.KILL_BROKER:
                done = await self._kill_broker(fault.seconds)
            case Kind.CLOSE_CONNECTIONS:
                done = await self._close_connections(dice)
            case Kind.KILL_DATABASE:
                done = await self._end_database(self._system.postgres.kill, fault.seconds)
            case Kind.STOP_DATABASE:
                done = await self._end_database(self._system.postgres.stop, fault.seconds)
            case Kind.BLACKHOLE:
                done = await self._close_link(fault.target, fault.seconds)
            case Kind.DELAY:
                done = await self._slow_link(fault.target, fault.seconds, dice)
            case Kind.DUPLICATE:
                done = await self._at_broker(lambda: self._repeat(fault.target, dice))
            case Kind.REORDER:
                done = await self._reorder(fault.target, fault.seconds, dice)
        return f"{done}, {time.monotonic() - started:.1f} s"

    async def _kill_service(self, name: str, seconds: float) -> str:
        async with self._locks[name]:
            await self._end(name)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self._system.start, name)
        return f"gone for {seconds} s"

    async def _end(self, name: str) -> None:
        if not self._system.is_running(name):
            self.died.append(name)
        await asyncio.to_thread(self._system.kill, name)

    async def _kill_broker(self, seconds: float) -> str:
        async with self._locks[BROKER]:
            await asyncio.to_thread(self._system.rabbit.kill)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self._system.rabbit.start)
        return f"gone for {seconds} s and its start"

    async def _end_database(self, end: Callable[[], None], seconds: float) -> str:
        async with self._locks["database"]:
            await asyncio.to_thread(end)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self._system.postgres.start)
        return f"gone for {seconds} s"

    async def _close_connections(self, dice: random.Random) -> str:
        def close() -> str:
            deadline = time.monotonic() + LISTED_SECONDS_MAX
            while not (found := rabbit.manage("GET", "/api/connections")):
                if time.monotonic() > deadline:
                    break
                time.sleep(TRY_AGAIN_SECONDS)
            names, closed = sorted(each["name"] for each in found), 0
            for name in dice.sample(names, len(names) - len(names) // 2):
                # It may have ended by itself since it was listed.
                with suppress(ServerFailed):
                    rabbit.manage("DELETE", f"/api/connections/{quote(name, safe='')}")
                    closed += 1
            return f"{closed} of {len(names)} connections"

        rabbit = self._system.rabbit
        async with self._locks[BROKER]:
            return await asyncio.to_thread(close)

    async def _close_link(self, target: str, seconds: float) -> str:
        link = self._system.links[target]
        async with self._locks[target]:
            link.close()
            try:
                await asyncio.sleep(seconds)
            finally:
                link.open()
        return f"nothing passed for {seconds} s"

    async def _slow_link(self, target: str, seconds: float, dice: random.Random) -> str:
        link = self._system.links[target]
        async with self._locks[target]:
            link.delay_seconds = dice.uniform(DELAY_SECONDS_MIN, DELAY_SECONDS_MAX)
            said = f"{link.delay_seconds * 1000:.0f} ms later for {seconds} s"
            try:
                await asyncio.sleep(seconds)
            finally:
                link.delay_seconds = 0.0
        return said

    async def _repeat(self, queue: str, dice: random.Random) -> str:
        """Deliver again what a queue's service has heard, or is about to."""
        old = dice.random() < OLD_SHARE
        start: Start = "first" if old else datetime.now(UTC) - RECENT
        types = {event.type() for event in QUEUES[queue]}
        messages: list[Redelivery] = []
        async with self._system.installation.connect() as connection:
            for owner in sorted({event.owner() for event in QUEUES[queue]}):
                messages += await _logged(connection, log_of(owner), start, types)
            # Newer ones first: what is repeated keeps no order either.
            messages.reverse()
            if old:
                await self._forget(queue, messages)
            count = await redeliver(connection, queue, _each(messages))
        self.injected += count
        return f"{count} {'forgotten' if old else 'recent'} again"

    async def _forget(self, queue: str, messages: Sequence[Redelivery]) -> None:
        """Let the inbox forget messages, as it does after 35 days: other keys must hold."""
        db = await asyncpg.connect(self._system.postgres.dsn(queue.split(".", 1)[0]))
        try:
            ids = [UUID(message.message_id) for message in messages]
            await db.execute(_FORGET, queue, ids)
        finally:
            await db.close()

    async def _reorder(self, queue: str, seconds: float, dice: random.Random) -> str:
        """Let a queue fill while its service is away, and put it back in another order."""
        name = queue.split(".", 1)[0]
        async with self._locks[name]:
            await self._end(name)
            try:
                await asyncio.sleep(seconds)
                return await self._at_broker(lambda: self._shuffle(queue, dice))
            finally:
                await asyncio.to_thread(self._system.start, name)

    async def _shuffle(self, queue: str, dice: random.Random) -> str:
        async with self._system.installation.connect() as connection:
            channel = await connection.channel()
            waiting = await channel.declare_queue(queue, passive=True)
            taken: list[AbstractIncomingMessage] = []
            while len(taken) < SHUFFLED_MAX and (message := await waiting.get(fail=False)):
                taken.append(message)
            shuffled = dice.sample(taken, len(taken))
            await redeliver(connection, queue, _each([_again(message) for message in shuffled]))
            # Whatever stops us before this delivers them twice, and loses none.
            for message in taken:
                await message.ack()
            await channel.close()
        self.injected += len(taken)
        return f"{len(taken)} waiting in another order"

    async def _at_broker(self, work: Callable[[], Awaitable[str]]) -> str:
        for attempt in range(1, BROKER_TRIES_MAX + 1):
            async with self._locks[BROKER]:
                try:
                    return await work()
                except TROUBLES as error:
                    if attempt == BROKER_TRIES_MAX:
                        return f"given up: {error!r}"
            await asyncio.sleep(TRY_AGAIN_SECONDS)
        raise AssertionError


async def _logged(
    connection: AbstractConnection, stream: str, start: Start, types: set[str]
) -> list[Redelivery]:
    """Read some of a log; a log that is being written never ends."""
    found: list[Redelivery] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(READ_SECONDS_MAX):
            async for message in read_log(connection, stream, start=start):
                if message.type in types:
                    found.append(
                        Redelivery(
                            message.user_id,
                            message.type,
                            message.message_id,
                            message.correlation_id,
                            message.headers,
                            message.body,
                        )
                    )
                if len(found) == REPEATED_MAX:
                    break
    return found


def _again(message: AbstractIncomingMessage) -> Redelivery:
    headers = {name: value for name, value in message.headers.items() if name[:2] != "x-"}
    return Redelivery(
        original_publisher(message.user_id or "", message.headers),
        message.type or "",
        message.message_id or "",
        message.correlation_id or "",
        headers,
        message.body,
    )


async def _each(messages: Sequence[Redelivery]) -> AsyncIterator[Redelivery]:
    for message in messages:
        yield message
