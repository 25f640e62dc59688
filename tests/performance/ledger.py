"""(a) Gifts posted in batches through the wallet's own command path, with all that it writes."""

import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from deploy.local.environment import ROOT
from deploy.local.system import System
from services.wallet import consumers
from services.wallet.main import read_rules
from services.wallet.settings import Settings
from shared.contracts.base import Event
from shared.contracts.envelope import Cause, encode
from shared.contracts.gift import GiftRequested
from shared.contracts.purchase import PurchasePaid
from shared.messaging.consumer import BATCH_MAX, Consumer
from shared.messaging.delivery import Delivery
from tests.performance.benches import broker_of, database_of, tune
from tests.performance.results import Result, compared

VIEWERS = 1_000
GIFTS = 30_000
FLOOR = 3.0
RULES_FILE = ROOT / "seeds" / "rules.toml"


async def post_gifts(system: System, yardstick: Result) -> Result:
    async with database_of(system, "wallet") as database:
        money, gifts = consumers.build(
            _settings(), read_rules(RULES_FILE), database, broker_of(system, "wallet")
        )
        viewers = [f"viewer-{number}" for number in range(VIEWERS)]
        await _receive(money, [_delivery(_paid(viewer)) for viewer in viewers])
        asked = [_delivery(_gift(viewers[number % VIEWERS])) for number in range(GIFTS)]
        tune()
        started = time.perf_counter()
        await _receive(gifts, asked)
        rate = GIFTS / (time.perf_counter() - started)
    return compared("ledger posting of gifts", rate, "gifts/s", to=yardstick, floor=FLOOR)


async def _receive(consumer: Consumer, deliveries: list[Delivery]) -> None:
    for start in range(0, len(deliveries), BATCH_MAX):
        await consumer.receive(deliveries[start : start + BATCH_MAX])


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
        coins=5,
        price_coins=5,
        expires_at=datetime.now(UTC) + timedelta(minutes=5),
    )


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
