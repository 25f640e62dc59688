"""Gifts posted in batches through the wallet's own command path, with all that it writes."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import text

from deploy.config.databases import run_sql
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
from shared.messaging.consumer import CONSUMER_BATCH_MAX, Consumer
from shared.messaging.delivery import Delivery
from shared.postgres.database import Database
from tests.performance.benches import broker_of, database_of, tune
from tests.performance.results import Result, compared

VIEWERS = 1_000
GIFTS = 30_000
HOT_GIFTS = 15_000
OLD_POSTINGS, OLD_VIEWERS = 5_000_000, 2_000
FLOOR, HOT_FLOOR, OLD_FLOOR = 3.0, 0.8, 0.8
PROVED_PER_MINUTE, PROVE_SECONDS_MAX = 200_000.0, 60
RULES_FILE = ROOT / "seeds" / "rules.toml"


async def post_gifts(system: System, yardstick: Result) -> list[Result]:
    """Post gifts of many viewers, then of one; and say what a gift takes on the disk."""
    async with database_of(system, "wallet") as database:
        before = await _stored_bytes(database)
        spread = await _post(system, database, VIEWERS)
        stored = (await _stored_bytes(database) - before) / GIFTS
        hot = await _post(system, database, 1, gifts=HOT_GIFTS)
    posted = compared("ledger posting of gifts", spread, "gifts/s", to=yardstick, floor=FLOOR)
    many = Result("gifts of many viewers", round(spread, 1), "gifts/s")
    return [
        posted,
        compared("gifts of one viewer", hot, "gifts/s", to=many, floor=HOT_FLOOR),
        Result("a gift in the wallet's database", round(stored), "bytes"),
    ]


async def post_on_old_books(system: System) -> list[Result]:
    """Post gifts on top of millions of postings, and prove all of them."""
    async with database_of(system, "wallet") as database:
        empty = Result("an empty ledger", await _post(system, database, VIEWERS), "gifts/s")
    async with database_of(system, "wallet") as database:
        name = database.address.database
        assert name is not None
        await asyncio.to_thread(run_sql, system.postgres.dsn(name), _old_books())
        full = await _post(system, database, VIEWERS)
        proved = await _prove(database)
    postings = f"gifts on {OLD_POSTINGS // 1_000_000} million postings"
    wanted = Result("what is wanted", PROVED_PER_MINUTE, "postings/min")
    return [
        compared(postings, full, "gifts/s", to=empty, floor=OLD_FLOOR),
        compared("postings proved", proved, "postings/min", to=wanted, floor=1.0),
    ]


async def _post(system: System, database: Database, viewers: int, *, gifts: int = GIFTS) -> float:
    """Let so many viewers buy and give; return the gifts a second."""
    run = uuid4().hex[:6]
    rules = read_rules(RULES_FILE)
    money, queue = consumers.build(_settings(), rules, database, broker_of(system, "wallet"))
    names = [f"viewer-{run}-{number}" for number in range(viewers)]
    await _receive(money, [_delivery(_paid(name)) for name in names])
    asked = [_delivery(_gift(names[number % viewers])) for number in range(gifts)]
    tune()
    started = time.perf_counter()
    await _receive(queue, asked)
    return gifts / (time.perf_counter() - started)


async def _prove(database: Database) -> float:
    """Prove the ledger, for a while at most; return the postings a minute."""
    started, proved = time.perf_counter(), 0
    async with database.snapshot() as tx:
        async for found in verify_ledger(tx, INVARIANTS):
            assert not isinstance(found, Violation), found
            proved = found.postings
            if time.perf_counter() - started > PROVE_SECONDS_MAX:
                break
    return proved * 60 / (time.perf_counter() - started)


async def _stored_bytes(database: Database) -> int:
    async with database.transaction() as tx:
        return int((await tx.execute(_STORED)).scalar_one())


def _old_books() -> list[str]:
    """Gifts of 2,000 viewers over the years, as the wallet would have written them."""
    gifts = OLD_POSTINGS // 2 // OLD_VIEWERS
    each = f"generate_series(1, {OLD_VIEWERS}) AS v, generate_series(2, {gifts + 1}) AS m"
    gift = "md5('g' || v || '-' || m)::uuid"
    lot = "md5('l' || v)::uuid"
    purchase = "md5('p' || v)::uuid"
    return [
        "SET synchronous_commit = off",
        f"""INSERT INTO accounts (user_id, kind, asset, balance, version)
            SELECT 'old-' || v, 'main', 'coins', 0, {gifts + 1}
            FROM generate_series(1, {OLD_VIEWERS}) AS v""",
        f"""INSERT INTO lots (user_id, id, purchase, kind, coins, remaining, spent, open,
                              price_minor, currency, channel, diamond_rate_bp, funded_at)
            SELECT 'old-' || v, {lot}, {purchase}, 'paid', {gifts}, 0, {gifts}, false,
                   {gifts}, 'USD', 'web', 10000, now() - interval '1 year'
            FROM generate_series(1, {OLD_VIEWERS}) AS v""",
        f"""INSERT INTO entries (user_id, id, kind, reference)
            SELECT 'old-' || v, 1, 'credit', 'purchase:' || {purchase}
            FROM generate_series(1, {OLD_VIEWERS}) AS v
            UNION ALL SELECT 'old-' || v, m, 'gift', 'gift:' || {gift} FROM {each}""",
        f"""INSERT INTO outcomes (user_id, reference, version, request_hash, outcome, entry)
            SELECT 'old-' || v, 'purchase:' || {purchase}, 1, ''::bytea,
                   jsonb_build_object('coins', {gifts}, 'balance_coins', {gifts}), 1
            FROM generate_series(1, {OLD_VIEWERS}) AS v
            UNION ALL
            SELECT 'old-' || v, 'gift:' || {gift}, m, ''::bytea, jsonb_build_object(
                'coins', 1, 'balance_coins', {gifts + 1} - m,
                'slices', jsonb_build_array(jsonb_build_object('lot', {lot}, 'coins', 1))), m
            FROM {each}""",
        f"""INSERT INTO postings (user_id, entry, account, asset, amount, balance_after)
            SELECT 'old-' || v, 1, 'main', 'coins', {gifts}, {gifts}
            FROM generate_series(1, {OLD_VIEWERS}) AS v
            UNION ALL SELECT 'old-' || v, 1, '@issued', 'coins', -{gifts}, NULL
            FROM generate_series(1, {OLD_VIEWERS}) AS v
            UNION ALL SELECT 'old-' || v, m, 'main', 'coins', -1, {gifts + 1} - m FROM {each}
            UNION ALL SELECT 'old-' || v, m, '@spent', 'coins', 1, NULL FROM {each}""",
        f"""INSERT INTO slices (user_id, gift, lot, coins, entry)
            SELECT 'old-' || v, {gift}, {lot}, 1, m FROM {each}""",
        "ANALYZE",
        "CHECKPOINT",
    ]


async def _receive(consumer: Consumer, deliveries: list[Delivery]) -> None:
    for start in range(0, len(deliveries), CONSUMER_BATCH_MAX):
        await consumer.receive(deliveries[start : start + CONSUMER_BATCH_MAX])


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


_STORED = text("""
    SELECT sum(pg_total_relation_size(oid)) FROM pg_class
    WHERE relname IN ('entries', 'postings', 'outcomes', 'slices', 'unsealed', 'seals',
                      'spendings', 'inbox')
""")


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
