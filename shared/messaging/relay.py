"""The relay publishes the outbox: each event at least once, and those of a subject in order."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

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
from shared.messaging.broker import Broker, close_quietly, pause, supervise
from shared.messaging.full import FullQueues
from shared.messaging.log import log_of
from shared.messaging.outbox import (
    DEAD_LETTER_EXCHANGE,
    EVENTS_EXCHANGE,
    PARTS,
    own_exchange,
)
from shared.messaging.retry import DELAYS, delay_name
from shared.observability.metrics import (
    INBOX_ROWS,
    OUTBOX_BLOCKED_KEYS,
    OUTBOX_OLDEST_AGE_SECONDS,
    OUTBOX_PARKED,
    OUTBOX_PENDING,
    OUTBOX_PUBLISH_SECONDS,
    OUTBOX_PUBLISHED,
    RELAY_LEADER,
)
from shared.observability.tracing import failed, publishing
from shared.postgres.database import Database

log = structlog.get_logger()

# As many as one statement reads, one write publishes, and one wait confirms.
PUBLISH_BATCH_MAX = 500
POLL_SECONDS_MAX = 0.02
GATHER_SECONDS = 0.005
PUBLISH_SECONDS_MAX = 15
CLAIM_SECONDS = 1.0
MEASURE_SECONDS = 5.0
RETURNS_MAX = 20
RETRY_SECONDS_MAX = 60
# The first half of the advisory lock's key; the second is the part.
LOCK_CLASS = 7001
# The broker closes the whole channel over one such message; it will do so every time.
_REFUSED = (ChannelAccessRefused, ChannelNotFoundEntity, ChannelPreconditionFailed)


class Relay:
    """
    Publishes one service's outbox.

    Any number may run: each of the 16 parts belongs to the relay that holds its session
    advisory lock, and dies with that session. A part has one publisher at a time and its rows
    leave in the order of their ids, so facts of one subject are published in order.
    """

    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker
        self._parts: list[int] = []
        # After the broker closed the channel over one row of a batch, find it one by one.
        self._suspicious = False
        self._full = FullQueues()
        self._forgiven: set[int] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Relay until we stop; a session that breaks is begun again."""
        await supervise("relay", lambda: self._session(stopping), stopping)

    async def _session(self, stopping: asyncio.Event) -> None:
        connection: Connection | None = None
        db = await self._database.connect_directly()
        try:
            connection = await self._broker.connect("relay")
            publisher = await Publisher.open(connection)
            await _check_exchanges(publisher.channel, self._broker.service)
            await _check_log(connection, self._broker.service)
            await self._relay(db, publisher, stopping)
        finally:
            self._parts = []
            self._show_parts()
            await close_quietly(connection)
            # The locks go with the session; close() would wait for a dead server.
            db.terminate()

    async def _relay(
        self, db: asyncpg.Connection, publisher: Publisher, stopping: asyncio.Event
    ) -> None:
        loop = asyncio.get_running_loop()
        claim_at = measure_at = 0.0
        while not stopping.is_set():
            if publisher.is_closed:
                raise ConnectionError("the publishing channel was closed")
            if len(self._parts) < PARTS and loop.time() >= claim_at:
                await self._claim_parts(db)
                claim_at = loop.time() + CLAIM_SECONDS
            if loop.time() >= measure_at:
                await _measure(db)
                measure_at = loop.time() + MEASURE_SECONDS
            self._database.committed.clear()
            sent = await self.relay_once(db, publisher)
            if not sent:
                await self._rest()
            elif sent < PUBLISH_BATCH_MAX:
                # A batch for each commit would be small: publish the next commits together.
                await pause(GATHER_SECONDS, stopping)

    async def _rest(self) -> None:
        """Wait for the next commit of this process; polling finds those of other processes."""
        try:
            await asyncio.wait_for(self._database.committed.wait(), POLL_SECONDS_MAX)
        except TimeoutError:
            return

    async def _claim_parts(self, db: asyncpg.Connection) -> None:
        free = [part for part in range(PARTS) if part not in self._parts]
        won = [row["part"] for row in await db.fetch(_CLAIM, LOCK_CLASS, free)]
        # The broker may allow now what it refused before this process began: an upgrade changes
        # rights. Once only, for a row that is refused again ends the session.
        if new := set(won) - self._forgiven:
            await db.execute(_FORGIVE, sorted(new))
            self._forgiven |= new
        self._parts = sorted([*self._parts, *won])
        self._show_parts()

    def _show_parts(self) -> None:
        for part in range(PARTS):
            RELAY_LEADER.labels(part).set(part in self._parts)

    async def relay_once(self, db: asyncpg.Connection, publisher: Publisher) -> int:
        """Publish one batch in order and delete what was confirmed; return its size."""
        size = 1 if self._suspicious else PUBLISH_BATCH_MAX
        rows = await db.fetch(_WAITING, self._parts, size, self._full.waiting())
        if not rows:
            self._suspicious = False
            return 0
        outgoing = [self._outgoing(row) for row in rows]
        with publishing(outgoing), OUTBOX_PUBLISH_SECONDS.time():
            results = await publisher.publish(outgoing, seconds_max=PUBLISH_SECONDS_MAX)
            for message, result in zip(outgoing, results, strict=True):
                if result is not None:
                    failed(message.message_id, _outcome(result))
        await self._apply(db, list(zip(rows, results, strict=True)))
        return len(rows)

    def _outgoing(self, row: asyncpg.Record) -> Outgoing:
        headers = json.loads(row["headers"])
        return Outgoing(
            message_id=str(row["message_id"]),
            exchange=own_exchange(row["exchange"], self._broker.service),
            routing_key=row["routing_key"],
            type=headers.get("cloudEvents_type", ""),
            content_type=CONTENT_TYPE,
            correlation_id=headers.get("correlation_id", ""),
            user_id=self._broker.user,
            app_id=self._broker.service,
            headers=headers,
            body=row["body"],
        )

    async def _apply(
        self, db: asyncpg.Connection, results: Sequence[tuple[asyncpg.Record, BaseException | None]]
    ) -> None:
        confirmed = [row for row, result in results if not isinstance(result, BaseException)]
        await _delete(db, confirmed)
        counted = Counter((row["exchange"], _outcome(result)) for row, result in results)
        for labels, count in counted.items():
            OUTBOX_PUBLISHED.labels(*labels).inc(count)
        for row in confirmed:
            self._full.took(row["exchange"], row["routing_key"])
        failures = [(row, error) for row, error in results if isinstance(error, BaseException)]
        returned = [row for row, error in failures if isinstance(error, PublishError)]
        for row in returned:
            await _block(db, row, "unroutable", park=row["attempts"] + 1 >= RETURNS_MAX)
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
            await _block(db, results[0][0], str(refused[0][1])[:500], park=True)
        # Nacked, timed out or cut off: nothing is known to be wrong with the messages, so
        # nothing is counted against them. The supervisor starts a fresh session, later and later.
        raise others[0][1]

    def _set_aside(self, row: asyncpg.Record, error: BaseException) -> bool:
        """Let dead letters and retries wait for a full queue; events go on meanwhile."""
        if row["exchange"] == EVENTS_EXCHANGE or not isinstance(error, DeliveryError):
            return False
        self._full.refused(row["exchange"], row["routing_key"])
        return True


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


async def _delete(db: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> None:
    if not rows:
        return
    retried = [row["message_id"] for row in rows if row["attempts"]]
    async with db.transaction():
        await db.execute("DELETE FROM outbox WHERE id = ANY($1)", [row["id"] for row in rows])
        if retried:
            await db.execute("DELETE FROM outbox_blocked WHERE message_id = ANY($1)", retried)


async def _block(db: asyncpg.Connection, row: asyncpg.Record, reason: str, *, park: bool) -> None:
    """Let a key wait behind a message the broker does not route, or park it for an operator."""
    log.error(
        "outbox.blocked",
        routing_key=row["routing_key"],
        message_id=str(row["message_id"]),
        attempts=row["attempts"] + 1,
        reason=reason,
        parked=park,
    )
    OUTBOX_PARKED.inc(park)
    wait = timedelta(seconds=min(0.1 * 2 ** row["attempts"], RETRY_SECONDS_MAX))
    async with db.transaction():
        await db.execute("UPDATE outbox SET attempts = attempts + 1 WHERE id = $1", row["id"])
        await db.execute(
            _BLOCK, row["part"], row["key"], row["message_id"], reason, None if park else wait
        )


async def _measure(db: asyncpg.Connection) -> None:
    row = await db.fetchrow(_MEASURE)
    assert row is not None
    pending = dict(zip(row["parts"] or (), row["pending"] or (), strict=True))
    for part in range(PARTS):
        OUTBOX_PENDING.labels(part).set(pending.get(part, 0))
    INBOX_ROWS.set(row["inbox_rows"])
    OUTBOX_OLDEST_AGE_SECONDS.set(row["oldest_age_seconds"])
    OUTBOX_BLOCKED_KEYS.set(row["blocked"])


_CLAIM = """
    SELECT part FROM unnest($2::int[]) AS part WHERE pg_try_advisory_lock($1, part)
"""
_WAITING = """
    SELECT id, part, key, message_id, exchange, routing_key, headers::text, body, attempts
    FROM outbox
    WHERE part = ANY($1::smallint[]) AND exchange || '|' || routing_key <> ALL ($3::text[])
      AND NOT EXISTS (
        SELECT FROM outbox_blocked AS blocked
        WHERE blocked.part = outbox.part AND blocked.key = outbox.key
          AND (blocked.retry_at IS NULL OR blocked.retry_at > now())
    )
    ORDER BY id
    LIMIT $2
"""
_FORGIVE = """
    UPDATE outbox_blocked SET retry_at = now()
    WHERE part = ANY($1::smallint[]) AND retry_at IS NULL AND reason LIKE '%ACCESS_REFUSED%'
"""
_BLOCK = """
    INSERT INTO outbox_blocked (part, key, message_id, reason, retry_at)
    VALUES ($1, $2, $3, $4, now() + $5::interval)
    ON CONFLICT (part, key) DO UPDATE
    SET message_id = excluded.message_id, reason = excluded.reason, retry_at = excluded.retry_at
"""
_MEASURE = """
    SELECT array_agg(part) AS parts, array_agg(pending) AS pending,
           coalesce(extract(epoch FROM now() - min(oldest)), 0)::float AS oldest_age_seconds,
           (SELECT count(*) FROM outbox_blocked) AS blocked,
           (SELECT greatest(reltuples, 0)::bigint FROM pg_class
            WHERE oid = to_regclass('inbox')) AS inbox_rows
    FROM (
        SELECT part, count(*) AS pending, min(created_at) AS oldest
        FROM (SELECT part, created_at FROM outbox ORDER BY id LIMIT 100000) AS waiting
        GROUP BY part
    ) AS parts
"""
