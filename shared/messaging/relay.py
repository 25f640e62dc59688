"""The relay publishes the outbox: each event at least once, and those of a subject in order."""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from uuid import UUID

import asyncpg
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    DeliveryError,
    PublishError,
)

from shared.amqp.confirms import Outgoing, Publisher
from shared.amqp.transport import Connection
from shared.contracts.envelope import CONTENT_TYPE
from shared.messaging import outbox_rows, outbox_shares
from shared.messaging.broker import Broker, close_quietly, supervise
from shared.messaging.full import FullQueues
from shared.messaging.key_order import KeyOrder
from shared.messaging.log import log_of
from shared.messaging.outbox import (
    DEAD_LETTER_EXCHANGE,
    EVENTS_EXCHANGE,
    SHARE_HEADER,
    SHARES,
    own_exchange,
    share_name,
)
from shared.messaging.outboxes import Outboxes
from shared.messaging.retry import DELAYS, delay_name
from shared.observability.metrics import (
    OUTBOX_PUBLISH_SECONDS,
    OUTBOX_PUBLISHED,
    RELAY_LEADER,
)
from shared.observability.tracing import failed, publishing
from shared.postgres.database import Database
from shared.postgres.wakeups import Woken, stopped_by, wait

log = structlog.get_logger()

# As many as one statement reads, one write publishes, and one wait confirms.
PUBLISH_BATCH_MAX = 500
GATHER_SECONDS = 0.005
PUBLISH_SECONDS_MAX = 15
# What is published is deleted later and together: a deletion costs as much as a small batch.
DELETE_SECONDS = 0.25
# How often we look by ourselves for rows that no wake-up came for: those of a process that died.
LOOK_SECONDS = 1.0
# How often we look which relays are alive, and for a share that its owner is about to give up.
SHARE_SECONDS = 0.5
HAND_OVER_SECONDS = 0.1
# How often the session with the locks is used while we wait for the broker.
ALIVE_SECONDS = 1.0
# A relay that is paused loses its shares: PostgreSQL ends its idle session. Before that the broker
# has closed its connection, after three heartbeats at most: what the relay goes on to publish when
# it continues reaches nothing.
IDLE_SECONDS_MAX = 12
HEARTBEAT_SECONDS = 3
MEASURE_SECONDS = 5.0
RETURNS_MAX = 20
# The broker closes the whole channel over one such message; it will do so every time.
_REFUSED = (ChannelAccessRefused, ChannelNotFoundEntity, ChannelPreconditionFailed)


class Relay:
    """
    Publishes one service's outbox.

    Any number may run and divide the 16 shares of the outbox: a share belongs to the relay whose
    session holds its advisory lock, and is free when that session ends. It has one publisher at a
    time and its rows leave in the order of their ids, so facts of one subject are published in
    order. If the broker does not take one of them, those behind it are published again after it
    (`KeyOrder`).
    """

    def __init__(
        self, database: Database, broker: Broker, *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._database = database
        self.broker = broker
        self._shares: list[int] = []
        self._outboxes = Outboxes(each.number for each in database.mailboxes)
        self._woken = Woken()
        self._look = _Interval(look_seconds)
        self._share = _Interval(SHARE_SECONDS)
        self._measure = _Interval(MEASURE_SECONDS)
        self._delete = _Interval(DELETE_SECONDS)
        # After the broker closed the channel over one row of a batch, find it one by one.
        self._suspicious = False
        self._full = FullQueues()
        self._order = KeyOrder()
        self._forgiven: set[int] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Relay until we stop; a session that breaks is begun again."""
        await supervise("relay", lambda: self._session(stopping), stopping)

    async def _session(self, stopping: asyncio.Event) -> None:
        connection: Connection | None = None
        db = await self._database.connect_directly()
        try:
            connection = await self.broker.connect("relay", heartbeat_seconds=HEARTBEAT_SECONDS)
            publisher = await Publisher.open(connection)
            await _check_exchanges(publisher.channel, self.broker.service)
            await _check_log(connection, self.broker.service)
            # Only now: a member of the relays is given shares to publish.
            await outbox_shares.join(db, idle_seconds_max=IDLE_SECONDS_MAX)
            async with stopped_by(stopping, self._woken):
                while not stopping.is_set():
                    await self._turn(db, publisher)
            await self._outboxes.delete_confirmed(db)
        finally:
            self._database.wakeups.leave(self._woken)
            # The next session publishes them again.
            self._outboxes.forget_confirmed()
            self._shares = []
            self._share.end()
            self._show_shares()
            await close_quietly(connection)
            # The locks go with the session; close() would wait for a dead server.
            db.terminate()

    async def _turn(self, db: asyncpg.Connection, publisher: Publisher) -> None:
        """Do what is due, and wait until something is."""
        if publisher.is_closed:
            raise ConnectionError("the publishing channel was closed")
        is_woken = self._woken.is_set()
        topics = self._woken.take()
        if self._share.is_over():
            await self._divide_shares(db)
        if self._measure.is_over():
            await self._outboxes.measure(db, self._shares)
        if self._outboxes.has_confirmed and self._delete.is_over():
            await self._outboxes.delete_confirmed(db)
        sent = 0
        is_due = bool(self._shares) and self._look.is_over()
        if self._shares and (is_due or is_woken):
            if is_due or topics or not self._outboxes.has_unread:
                self._outboxes.wake(() if is_due else topics, self._shares)
            sent = await self.relay_once(db, publisher)
        if sent == PUBLISH_BATCH_MAX or (sent and self._suspicious):
            self._woken.set()
        elif sent:
            # A batch for each commit would be small: publish the next commits together.
            await asyncio.sleep(GATHER_SECONDS)
        await wait(self._woken, self._rest_seconds())

    def _rest_seconds(self) -> float:
        due = [self._measure, self._share]
        if self._shares:
            due.append(self._look)
        if self._outboxes.has_confirmed:
            due.append(self._delete)
        return min(interval.left_seconds() for interval in due)

    async def _divide_shares(self, db: asyncpg.Connection) -> None:
        """Give up the shares that are another relay's by now, and take those that are ours."""
        locks = await outbox_shares.read_locks(db)
        self._database.peers.saw(locks.own, locks.members)
        if surplus := locks.held - locks.wanted:
            # Nothing is in flight between two batches, and what was published must not be read by
            # the next owner.
            await self._outboxes.delete_confirmed(db)
            await outbox_shares.release(db, surplus)
        won = await outbox_shares.claim(db, locks.wanted - locks.owners.keys())
        await self._forgive(db, won)
        self._shares = sorted(locks.held - surplus | won)
        if won or surplus:
            self._database.wakeups.own(self._woken, self._outboxes.topics(self._shares))
            self._show_shares()
            log.info("relay.shares_changed", shares=self._shares, relays=len(locks.members))
        if won:
            # For the rows of the relay that had them.
            self._look.end()
        if locks.wanted - set(self._shares):
            self._share.end(HAND_OVER_SECONDS)

    async def _forgive(self, db: asyncpg.Connection, won: set[int]) -> None:
        """
        Try again what the broker refused before this process began: an upgrade changes rights.

        Once only, for a row that is refused again ends the session.
        """
        if new := won - self._forgiven:
            await self._outboxes.forgive(db, sorted(new))
            self._forgiven |= new

    def _show_shares(self) -> None:
        for share in range(SHARES):
            RELAY_LEADER.labels(share).set(share in self._shares)

    async def relay_once(self, db: asyncpg.Connection, publisher: Publisher) -> int:
        """Publish a batch in order, to be deleted once confirmed; return how many rows waited."""
        rows = await self._outboxes.read_waiting(
            db,
            self._shares,
            limit=1 if self._suspicious else PUBLISH_BATCH_MAX,
            full=self._full.waiting(),
        )
        sendable = self._order.sendable(rows)
        if not rows:
            self._suspicious = False
            return 0
        # A message that was sent again while it waited leaves once, and what the broker answers
        # is the answer to all its rows.
        waiting: dict[UUID, asyncpg.Record] = {}
        for row in sendable:
            waiting.setdefault(row["message_id"], row)
        outgoing = [self._outgoing(row) for row in waiting.values()]
        with publishing(outgoing), OUTBOX_PUBLISH_SECONDS.time():
            results = await _while_alive(
                db, publisher.publish(outgoing, seconds_max=PUBLISH_SECONDS_MAX)
            )
            for message, result in zip(outgoing, results, strict=True):
                if result is not None:
                    failed(message.message_id, _outcome(result))
        answers = dict(zip(waiting, results, strict=True))
        await self._apply(db, [(row, answers[row["message_id"]]) for row in sendable])
        if len(sendable) < len(rows):
            self._outboxes.read_again(rows)
        if self._outboxes.has_unread:
            self._woken.set()
        return len(rows)

    def _outgoing(self, row: asyncpg.Record) -> Outgoing:
        headers = {SHARE_HEADER: share_name(row["share"]), **outbox_rows.headers_of(row)}
        return Outgoing(
            message_id=str(row["message_id"]),
            exchange=own_exchange(row["exchange"], self.broker.service),
            routing_key=row["routing_key"],
            type=headers.get("cloudEvents_type", ""),
            content_type=CONTENT_TYPE,
            correlation_id=headers.get("correlation_id", ""),
            user_id=self.broker.user,
            app_id=self.broker.service,
            headers=headers,
            body=row["body"],
        )

    async def _apply(
        self, db: asyncpg.Connection, results: Sequence[tuple[asyncpg.Record, BaseException | None]]
    ) -> None:
        confirmed = [row for row, result in results if not isinstance(result, BaseException)]
        self._outboxes.confirm(self._order.done(results))
        counted = Counter((row["exchange"], _outcome(result)) for row, result in results)
        for labels, count in counted.items():
            OUTBOX_PUBLISHED.labels(*labels).inc(count)
        for row in confirmed:
            self._full.took(row["exchange"], row["routing_key"])
        failures = [(row, error) for row, error in results if isinstance(error, BaseException)]
        returned = [row for row, error in failures if isinstance(error, PublishError)]
        for row in returned:
            park = row["attempts"] + 1 >= RETURNS_MAX
            await self._outboxes.block(db, row, "unroutable", park=park)
        others = [
            (row, error)
            for row, error in failures
            if not isinstance(error, PublishError) and not self._set_aside(row, error)
        ]
        if not others:
            return
        refused = [(row, error) for row, error in others if isinstance(error, _REFUSED)]
        self._suspicious = bool(refused) and len(results) > 1
        if refused and len(results) == 1:
            ((row, _),) = results
            await self._outboxes.block(db, row, str(refused[0][1])[:500], park=True)
        # Nacked, timed out or cut off: nothing is known to be wrong with the messages, so
        # nothing is counted against them. The supervisor starts a fresh session, later and later;
        # what it published again would keep it from the rows behind.
        await self._outboxes.delete_confirmed(db)
        raise others[0][1]

    def _set_aside(self, row: asyncpg.Record, error: BaseException) -> bool:
        """Let dead letters and retries wait for a full queue; events go on meanwhile."""
        if row["exchange"] == EVENTS_EXCHANGE or not isinstance(error, DeliveryError):
            return False
        self._full.refused(row["exchange"], row["routing_key"])
        return True


class _Interval:
    """Something that is done every few seconds, and at the beginning."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.end()

    def end(self, after_seconds: float = 0.0) -> None:
        self._over_at = time.monotonic() + after_seconds

    def left_seconds(self) -> float:
        return max(0.0, self._over_at - time.monotonic())

    def is_over(self) -> bool:
        """Whether it is to be done now; then the next interval begins."""
        if self.left_seconds() > 0:
            return False
        self._over_at = time.monotonic() + self._seconds
        return True


async def _while_alive(
    db: asyncpg.Connection, publishing: Coroutine[None, None, list[BaseException | None]]
) -> list[BaseException | None]:
    """Wait for the broker and use the session meanwhile; it fails if the locks are gone."""
    task = asyncio.create_task(publishing)
    try:
        while not (await asyncio.wait({task}, timeout=ALIVE_SECONDS))[0]:
            await db.execute("SELECT 1")
        return task.result()
    finally:
        task.cancel()


def _outcome(result: BaseException | None) -> str:
    if result is None:
        return "ack"
    if isinstance(result, PublishError):
        return "returned"
    if isinstance(result, DeliveryError):
        return "nack"
    return "timeout" if isinstance(result, TimeoutError) else "cut_off"


async def _check_exchanges(channel: AbstractChannel, service: str) -> None:
    """Publishing to a missing exchange would close the channel and fail every neighbour."""
    for name in (EVENTS_EXCHANGE, DEAD_LETTER_EXCHANGE, *map(delay_name, DELAYS)):
        await channel.get_exchange(own_exchange(name, service), ensure=True)


async def _check_log(connection: AbstractConnection, service: str) -> None:
    """
    Publish only when the service's log takes what is published.

    While a node recovers, RabbitMQ confirms messages that no leader of a stream ever got; they
    are in every queue and missing in the log (rabbitmq-server issue 9457; seen on 3.10, after
    every few kills). A stream that can be read has its leader.
    """
    channel = await connection.channel(publisher_confirms=False)
    await channel.set_qos(prefetch_count=1)
    underlay = await channel.get_underlay_channel()
    try:
        await underlay.basic_consume(
            log_of(service), _ignore, arguments={"x-stream-offset": "next"}
        )
    except ChannelAccessRefused:
        # Its user is of an installation in which services could not read their own log.
        log.warning("relay.log_unreadable", log=log_of(service))
    else:
        await channel.close()


async def _ignore(_: DeliveredMessage) -> None:
    """A check only: the messages of the log are not read."""
