"""The payout service in a test's words, with the real sandbox as its provider."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.config.environment import new_webhook_secret
from services.payout import consumers
from services.payout.commands import transfers
from services.payout.commands.attempts import follow_attempts, open_attempts
from services.payout.domain.rate_plans import STANDARD_PLAN, PlanVersion, Rate
from services.payout.main import build_http, read_rules
from services.payout.providers.sandbox import SandboxProvider
from services.payout.store import attempts
from services.sandbox.main import build as build_sandbox
from services.sandbox.settings import Settings as SandboxSettings
from shared.contracts.gift import GiftSent
from shared.contracts.wallet import LotKind, Slice
from shared.documents.seeds import build_writer, read_seller
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of, served
from tests.databases import another
from tests.deliveries import a_broker, a_delivery
from tests.parts import in_every_part

PAYEE = "/v1/payouts/payees/USD"
SEEDS = (Path("seeds/rules.toml"), Path("seeds/rates.toml"))
RULES = read_rules(*SEEDS, hold_seconds=0)
HOLDING = read_rules(*SEEDS)
SELLER = read_seller(Path("seeds/seller.toml"))
WRITER = build_writer(Path("seeds/seller.toml"))
KNOWN_FOR_LONG = """
    INSERT INTO creators (creator, rate_version, currency, value_minor_per_1000, first_earned_at,
                          lifetime_diamonds)
    VALUES ('lea', 1, 'USD', 500, now() - interval '100 days', 200000)
"""
SECRET = "whsec_b3ZhdGlvbi10ZXN0LXNlY3JldC1vZi0zMi1ieXRlcy4="


def at_rate(rules, value_minor_per_1000, *, version=2, currency="USD", since=None):
    """The rules after the standard plan has one more version, in force for an hour or `since`."""
    begins = since or datetime.now(UTC) - timedelta(hours=1)
    rate = Rate(version, currency, value_minor_per_1000)
    versions = (*rules.rates.plans[STANDARD_PLAN], PlanVersion(STANDARD_PLAN, begins, rate))
    plans = {**rules.rates.plans, STANDARD_PLAN: versions}
    return replace(rules, rates=replace(rules.rates, plans=plans))


def a_gift_sent(coins=100, *, rate_bp=10_000, **about):
    piece = Slice(lot=uuid4(), kind=LotKind.PAID, coins=coins, diamond_rate_bp=rate_bp)
    known = {
        "gift": uuid4(),
        "viewer": "mira",
        "creator": "lea",
        "gift_type": "g_tea",
        "count": 1,
        "coins": coins,
        "slices": (piece,),
        "requested_at": datetime.now(UTC),
    }
    return GiftSent(**{**known, **about})


class Unreachable(httpx.AsyncBaseTransport):
    """
    A network that lets calls through, loses their answers, or answers itself.

    `instead` and `afterwards` are (status, body): the provider is not asked at all, or an order
    reaches it, and something else is said of it on the way back.
    """

    def __init__(self, app):
        self._transport = httpx.ASGITransport(app)
        self.mood = "well"
        self.instead = self.afterwards = None

    async def handle_async_request(self, request):
        if self.instead is not None:
            return _made_up(*self.instead, request)
        if self.mood == "silent":
            raise httpx.ConnectTimeout("nobody answers", request=request)
        answer = await self._transport.handle_async_request(request)
        if self.mood == "forgetful":
            raise httpx.ReadTimeout("the answer was lost", request=request)
        if self.afterwards is not None and request.method == "POST":
            return _made_up(*self.afterwards, request)
        return answer


def _made_up(status, body, request):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content, request=request)


@pytest.fixture
async def sandbox():
    settings = SandboxSettings(
        port=1,
        payments_key="another key",
        transfers_key="key",
        payments_webhook_secret=new_webhook_secret(),
        transfers_webhook_secret=SECRET,
        public_url="http://sandbox",
        payments_webhook_url="http://nowhere",
        transfers_webhook_url="http://nowhere",
    )
    nobody = httpx.MockTransport(lambda _: httpx.Response(200))
    app = build_sandbox(settings, transport=nobody)
    yield app
    await app.state.webhooks.close()


@pytest.fixture
def network(sandbox):
    return Unreachable(sandbox)


@pytest.fixture
async def sandbox_url(network):
    async with served(network, host="sandbox") as url:
        yield url


@pytest.fixture
async def provider(sandbox_url):
    provider = SandboxProvider(url=sandbox_url, api_key="key", webhook_secret=SECRET)
    yield provider
    await provider.close()


@pytest.fixture
def rules():
    """The rules that lea's clients are under."""
    return RULES


@pytest.fixture
async def lea(database, provider, rules):
    app = build_http(
        database,
        a_verifier(),
        {"sandbox": provider},
        rules,
        seller=SELLER,
        document_writer=WRITER,
    )
    async with client_of(app, a_token("lea", roles=["creator"])) as client:
        client.app = app
        yield client


@pytest.fixture
def hear(database):
    (consumer,) = consumers.build(database, a_broker("payout"), RULES)

    async def hear_all(*events):
        await consumer.receive([a_delivery(event) for event in events])

    return hear_all


@pytest.fixture
def work(database, provider):
    """Let the worker look after all payouts now, whether they are due or not."""

    async def look():
        for part in database.parts:
            async with part.transaction() as tx:
                await open_attempts(tx)
                await tx.execute(text("UPDATE attempts SET next_check_at = now()"))
            await follow_attempts(part, {"sandbox": provider}, RULES)

    return look


@pytest.fixture
def apply_status(database):
    """Let the provider have said something of an attempt."""

    async def say(attempt, truth, *, reason=None, returned_minor=0):
        async with database.part_for(attempt.creator).transaction() as tx:
            await transfers.apply_status(
                tx, attempt, truth, reason=reason, rules=RULES, returned_minor=returned_minor
            )

    return say


@pytest.fixture
def cash_out(lea, hear):
    """Earn 3,000 diamonds and ask for all of them."""

    async def ask(destination="acct_ok_lea", *, key=None):
        await hear(a_gift_sent(3_000))
        await lea.put(PAYEE, json={"destination": destination})
        quote = (await lea.post("/v1/payouts/quotes", json={})).json()
        headers = {"Idempotency-Key": key or str(uuid4())}
        answer = await lea.post("/v1/payouts", json={"quote": quote["quote"]}, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()["payout"]

    return ask


@pytest.fixture
def attempt(lea, cash_out, database):
    """A payout of 3,000 diamonds, $15, and the attempt to send it."""

    async def make():
        payout = await cash_out()
        async with database.part_for("lea").transaction() as tx:
            await attempts.open_for_approved(tx, 10)
            (claimed,) = await attempts.claim_due(tx, 10)
        return payout, claimed

    return make


@pytest.fixture
def rich(lea, hear):
    """Lea with so many diamonds and a payee."""

    async def make(diamonds=700_000):
        await hear(a_gift_sent(diamonds))
        await lea.put("/v1/payouts/payees/USD", json={"destination": "acct_ok_lea"})

    return make


@pytest.fixture
def later(database, provider, rules):
    """Lea's client after the operator changed the rules."""

    def make(**changes):
        app = build_http(database, a_verifier(), {"sandbox": provider}, replace(rules, **changes))
        return client_of(app, a_token("lea", roles=["creator"]))

    return make


@pytest.fixture
def reviewer(lea):
    """An operator who reviews payouts, with some rules."""

    def make(name="ann", rules=RULES):
        lea.app.state.rules = rules
        return client_of(lea.app, a_token(name, roles=["operator"], scope="payouts:review"))

    return make


async def quote(client, **wish):
    return (await client.post("/v1/payouts/quotes", json=wish)).json()


async def request(client, quoted):
    headers = {"Idempotency-Key": uuid4().hex}
    return await client.post("/v1/payouts", json={"quote": quoted["quote"]}, headers=headers)


async def finish(database, state="paid"):
    """Let what is under way or under review end, without a person and a provider."""
    await in_every_part(
        database,
        "UPDATE payouts SET state = :state WHERE state IN ('approved', 'held')",
        state=state,
    )


WAITING = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
""")


@pytest.fixture
def meanwhile(database):
    """Start something, and go on when it waits for the lock that this transaction holds."""

    @asynccontextmanager
    async def start(*things):
        # It has a session of its own: those of a part are for what waits.
        async with _opened_again(database) as holder:
            async with holder.part_for("lea").transaction() as tx:
                answers = []
                yield tx, answers
                tasks = [asyncio.ensure_future(thing()) for thing in things]
                async with asyncio.timeout(60):
                    while await waiting(database) < len(tasks):
                        assert not any(task.done() for task in tasks), "nothing waits"
                        await asyncio.sleep(0.01)
            answers += await asyncio.gather(*tasks)

    return start


@asynccontextmanager
async def _opened_again(database):
    holder = another(database)
    yield holder
    await holder.close()


async def waiting(database):
    """How many wait for a lock; a transaction sees that as it was when it first looked."""
    async with database.transaction() as tx:
        return (await tx.execute(WAITING)).scalar_one()
