"""Gifts posted in batches through the wallet's own command path, with all that it writes."""

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from statistics import fmean
from uuid import uuid4

from deploy.config.databases import fetch, run_sql
from deploy.config.environment import ROOT
from deploy.harness.system import System
from services.wallet import consumers
from services.wallet.main import read_rules
from services.wallet.settings import Settings
from services.wallet.store.invariants import INVARIANTS
from shared.contracts.base import Event
from shared.contracts.envelope import Cause, encode
from shared.contracts.gift import GiftRequested
from shared.contracts.purchase import PurchasePaid
from shared.ledger.verification import Violation, verify_ledger
from shared.messaging.consumer import Consumer
from shared.messaging.delivery import Delivery
from shared.postgres.database import Database
from shared.postgres.statements import text
from tests.parts import part_count_of
from tests.performance.benches import broker_of, database_of, tune
from tests.performance.results import Result

VIEWERS = 1_000
GIFTS = 30_000
HOT_GIFTS = 15_000
TEMPLATE = "a viewer of old"
# So many entries are there before what is measured on top of them.
OLD_ENTRIES = int(os.environ.get("SIZE") or 2_500_000)
OLD_VIEWERS = 2_000
VERIFY_SECONDS_MAX = 60
RULES_FILE = ROOT / "seeds" / "rules.toml"


async def post_gifts(system: System) -> list[Result]:
    """
    Post gifts of many viewers, then of one; and say what a gift takes on the disk.

    The viewers are in as many parts as OVATION_PARTS says.
    """
    async with database_of(system, "wallet", part_count=part_count_of("wallet")) as database:
        before = await _stored_bytes(database)
        spread = await _post(system, database, VIEWERS)
        stored = (await _stored_bytes(database) - before) / GIFTS
        hot = await _post(system, database, 1, gifts=HOT_GIFTS)
    return [
        Result("ledger posting of gifts", spread, "gifts/s"),
        Result("gifts of many viewers", spread, "gifts/s"),
        Result("gifts of one viewer", hot, "gifts/s"),
        Result("a gift in the wallet's database", stored, "bytes"),
    ]


async def post_on_old_books(system: System) -> list[Result]:
    """
    Post gifts on top of millions of entries, and verify all of them.

    An empty ledger is measured before and after, as other programs may come and go meanwhile; and
    the old one twice, for at first it writes each page whole that a checkpoint has just written.
    """
    empty = [await _post_on_empty_books(system)]
    async with database_of(system, "wallet") as database:
        await _grow_old(system, database)
        full = [await _post(system, database, VIEWERS) for _ in range(2)]
        verified = await _verify(database)
    empty.append(await _post_on_empty_books(system))
    print(f"  empty: {empty}, old: {full} gifts/s", flush=True)
    return [
        Result("an empty ledger", fmean(empty), "gifts/s"),
        Result("gifts on old entries", fmean(full), "gifts/s"),
        Result("entries verified", verified, "postings/min"),
    ]


async def _post_on_empty_books(system: System) -> float:
    async with database_of(system, "wallet") as database:
        return await _post(system, database, VIEWERS)


async def _post(system: System, database: Database, viewers: int, *, gifts: int = GIFTS) -> float:
    """Let so many viewers buy and give; return the gifts a second."""
    run = uuid4().hex[:6]
    return await _post_of(
        system, database, [f"viewer-{run}-{number}" for number in range(viewers)], gifts
    )


async def _post_of(system: System, database: Database, names: list[str], gifts: int) -> float:
    rules = read_rules(RULES_FILE)
    money, queue = consumers.build(_settings(), rules, database, broker_of(system, "wallet"))
    await _receive(money, [_delivery(_paid(name)) for name in names])
    asked = [_delivery(_gift(names[number % len(names)])) for number in range(gifts)]
    tune()
    started = time.perf_counter()
    await _receive(queue, asked)
    return gifts / (time.perf_counter() - started)


async def _verify(database: Database) -> float:
    """Verify the ledger, for a while at most; return the postings a minute."""
    started, verified = time.perf_counter(), 0
    async with database.snapshot() as tx:
        async for found in verify_ledger(tx, INVARIANTS):
            assert not isinstance(found, Violation), found
            verified = found.postings
            if time.perf_counter() - started > VERIFY_SECONDS_MAX:
                break
    return verified * 60 / (time.perf_counter() - started)


async def _stored_bytes(database: Database) -> int:
    async with database.reference.transaction() as tx:
        return int((await tx.execute(_STORED)).scalar_one())


async def _grow_old(system: System, database: Database) -> None:
    """Let one viewer give for years, and many others do the same: rows of every table of users."""
    await _post_of(system, database, [TEMPLATE], OLD_ENTRIES // OLD_VIEWERS)
    name = database.name
    assert name is not None
    dsn = system.postgres.dsn(name)
    copies = [
        f"""INSERT INTO {table} (user_id, {columns}) OVERRIDING SYSTEM VALUE
            SELECT 'old-' || viewer, {columns}
            FROM generate_series(1, {OLD_VIEWERS}) AS viewer, {table}
            WHERE user_id = '{TEMPLATE}'"""
        for table, columns in await asyncio.to_thread(fetch, dsn, _TABLES_OF_USERS)
    ]
    settings = ["SET synchronous_commit = off", "SET session_replication_role = replica"]
    await asyncio.to_thread(run_sql, dsn, [*settings, *copies, "VACUUM ANALYZE", "CHECKPOINT"])


async def _receive(consumer: Consumer, deliveries: list[Delivery]) -> None:
    for start in range(0, len(deliveries), consumer.batch_max):
        await consumer.receive(deliveries[start : start + consumer.batch_max])


def _delivery(event: Event) -> Delivery:
    body = encode(event, sequence=1, occurred_at=datetime.now(UTC), cause=Cause("bench"))
    return Delivery(
        body,
        event.type(),
        str(event.id),
        event.owner(),
        {"cloudEvents_partitionkey": event.partition_key},
    )


def _paid(viewer: str) -> PurchasePaid:
    return PurchasePaid(
        purchase=uuid4(),
        viewer=viewer,
        package="bench",
        coins=1_000_000,
        amount_minor=999_900,
        currency="USD",
        channel="web",
        provider="sandbox",
        payment="bench",
        paid_at=datetime.now(UTC),
    )


def _gift(viewer: str) -> GiftRequested:
    return GiftRequested(
        gift=uuid4(),
        viewer=viewer,
        creator="lea",
        room="room-1",
        gift_type="g_tea",
        count=1,
        coins=1,
        price_coins=1,
        expires_at=datetime.now(UTC) + timedelta(minutes=5),
        age_verified=30,
    )


# All that stays: what the outbox holds goes to the broker.
_STORED = text("""
    SELECT sum(pg_total_relation_size(pg_class.oid))
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind = 'r' AND nspname ~ '^(public|part_[0-9]+)$' AND relname <> 'outbox'
""")
_TABLES_OF_USERS = """
    SELECT table_name, string_agg(quote_ident(column_name), ', ')
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
        AND column_name <> 'user_id'
        AND table_name IN (
            SELECT table_name FROM information_schema.columns WHERE column_name = 'user_id'
        )
    GROUP BY table_name
"""


def _settings() -> Settings:
    """Addresses are not read: database and broker are handed over."""
    return Settings(
        port=1,
        database_url="unused",
        database_password="unused",
        broker_url="unused",
        broker_password="unused",
        jwt_issuer="unused",
        jwt_audience="unused",
        jwks_url="unused",
        rules_file=RULES_FILE,
    )
