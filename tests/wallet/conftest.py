"""The wallet in a test's words: buy, give, and look at what is left."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.harness.issuer import ADULT_YEARS
from services.wallet import consumers
from services.wallet.commands.queries import read_balances
from services.wallet.main import build_http, read_rules
from services.wallet.settings import Settings
from shared.contracts.gift import GiftRequested
from shared.contracts.purchase import PurchasePaid
from shared.contracts.routes import QUEUES
from shared.messaging.consumer import Consumer
from tests.clients import a_verifier
from tests.deliveries import a_broker, a_delivery, announced
from tests.noon import spending_at_noon

RULES_FILE = Path(__file__).parents[2] / "seeds" / "rules.toml"


def a_purchase_paid(**about):
    known = {
        "purchase": uuid4(),
        "viewer": "mira",
        "package": "coins_100",
        "coins": 100,
        "amount_minor": 99,
        "currency": "USD",
        "channel": "web",
        "country": "US",
        "provider": "sandbox",
        "payment": "pay_1",
        "paid_at": datetime.now(UTC),
    }
    return PurchasePaid(**{**known, **about})


def a_gift_requested(**about):
    known = {
        "gift": uuid4(),
        "viewer": "mira",
        "creator": "lea",
        "room": "room-1",
        "gift_type": "g_tea",
        "count": 1,
        "coins": 10,
        "price_coins": 10,
        "expires_at": datetime.now(UTC) + timedelta(minutes=5),
        "age_verified": ADULT_YEARS,
    }
    return GiftRequested(**{**known, **about})


@pytest.fixture
def settings(tmp_path):
    return Settings(
        port=1,
        database_url="postgresql://unused",
        database_password="unused",
        broker_url="amqp://unused",
        broker_password="unused",
        jwt_issuer="unused",
        jwt_audience="unused",
        jwks_url="unused",
        rules_file=spending_at_noon(tmp_path),
    )


@pytest.fixture
def hear(database, settings):
    """Hand facts to the wallet as one batch."""
    return hearing(database, settings)


def hearing(database, settings):
    """Hand facts to the wallet that has this database."""
    rules = read_rules(settings.rules_file)
    queues = consumers.build(settings, rules, database, a_broker("wallet"))

    async def hear_all(*events):
        for consumer in queues:
            mine = [event for event in events if _hears(consumer, event)]
            if mine:
                await consumer.receive([a_delivery(event) for event in mine])

    return hear_all


def _hears(consumer: Consumer, event):
    return type(event) in QUEUES[consumer.queue]


@pytest.fixture
def held(database):
    """What a viewer can spend, what is frozen and what is owed."""

    async def look(user="mira"):
        async with database.transaction() as tx:
            return await read_balances(tx, user)

    return look


@pytest.fixture
def names(database):
    """What was announced since last looked at."""
    seen = []

    async def new():
        said = await announced(database)
        fresh = said[len(seen) :]
        seen.extend(fresh)
        return [fact["name"] for fact in fresh]

    return new


@pytest.fixture
def app(database, settings):
    return build_http(database, a_verifier(), read_rules(settings.rules_file))
