"""The service with one payment provider after the other, each with its fake vendor."""

import os
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from services.purchase import jobs
from services.purchase.commands.status_polls import StatusPolls
from services.purchase.domain.backfills import BackfillPlan
from shared.prices.packages import Package
from tests.clients import a_token, client_of, served
from tests.purchase.conftest import AGE_WEBHOOK_EVENTS, GERMANY, RULES
from tests.purchase.providers.drivers import drivers, open_driver
from tests.purchase.wallet_events import coins_held

DRIVERS = drivers(os.environ)
COINS = {"coins_100": (100, 0), "coins_500": (500, 25)}
# So often the parties take turns until nothing is left to say.
TURNS = 3


@pytest.fixture(params=DRIVERS)
async def vendor(request, record_property):
    """One vendor, and our adapter for it: `vendor.provider`."""
    # The table of the report is by vendor.
    record_property("vendor", request.param)
    driver = open_driver(DRIVERS[request.param])
    await driver.start()
    try:
        yield driver
    finally:
        await driver.stop()


@pytest.fixture
def providers(vendor):
    return {vendor.name: vendor.provider}


@pytest.fixture
def rules(vendor):
    """The tests' own packages, and one in every currency of the vendor."""
    packages = (
        *RULES.prices.packages,
        Package(sku="coins_many", coins=1_000, prices=vendor.prices),
        Package(sku="coins_unsayable", coins=1_000, prices=vendor.unsayable or {"USD": 1}),
    )
    prices = replace(RULES.prices, packages=packages)
    return replace(RULES, prices=prices, methods=vendor.methods)


@pytest.fixture(autouse=True)
async def connected(vendor, app):
    """Let webhooks arrive over real HTTP."""
    async with served(httpx.ASGITransport(app, raise_app_exceptions=False)) as url:
        vendor.connect(f"{url}/v1/webhooks/{vendor.name}/payments")
        yield


@pytest.fixture(autouse=True)
async def books_agree(*, connected, vendor, held, arrive, wait, give_back, backfill):
    """Whatever a test lets happen: in the end our books are the vendor's, to the cent."""
    yield
    vendor.release_webhooks()
    for _ in range(TURNS):
        await arrive()
        await backfill()
        await give_back()
        await wait()
    assert await held() == vendor.books()


@pytest.fixture
def buy(buy, vendor):
    """Buy through the vendor's channel; an app is told what to buy in its store."""

    async def buy_one(package="coins_100", **about):
        answer = await buy(package, channel=vendor.channel, **about)
        said = answer.json()
        if (said["next_action"] or {}).get("type") == "store":
            product = said["next_action"]["product"]
            vendor.order(said["purchase"], product, said["amount_minor"], said["currency"])
        return answer

    return buy_one


@pytest.fixture
def claim(app, vendor):
    """Bring a token of the store, by default the newest one of the purchase."""

    async def claim_one(purchase, token=None, *, viewer="mira"):
        async with client_of(app, a_token(viewer)) as client:
            url, body = f"/v1/purchases/{purchase}/claim", {"token": token}
            body["token"] = body["token"] or vendor.token_of(purchase)
            return await client.post(url, json=body)

    return claim_one


@pytest.fixture
def look(vendor, claim, wait):
    """Find out what became of a payment without its webhooks: by a status poll, or a claim."""
    return claim if vendor.is_store else lambda _: wait()


@pytest.fixture
def arrive(vendor):
    """Let the webhooks arrive that are under way."""
    return vendor.deliver


@pytest.fixture
def backfill(database, providers, rows):
    """Ask for the webhooks that were never taken, and follow them; return how many there were."""
    plan = BackfillPlan(timedelta(0), overlap=timedelta(hours=1), grace=timedelta(0))
    polls = StatusPolls(database, providers)

    async def count():
        return (await rows("SELECT count(*)::integer AS n FROM webhook_events"))[0]["n"]

    async def ask():
        before = await count()
        await jobs.backfill_due(database, providers, plan)
        async with database.transaction() as tx:
            await tx.execute(AGE_WEBHOOK_EVENTS)
        while await jobs.poll_due(polls):
            pass
        return await count() - before

    return ask


@pytest.fixture
def paid(bought, vendor, arrive, credit):
    """Buy, pay, and get the coins."""

    async def buy_one(package="coins_500", *, key="key-1", claims=GERMANY, **about):
        purchase = await bought(package, key=key, claims=claims, **about)
        vendor.pay(purchase)
        await arrive()
        await credit(purchase, coins=sum(COINS[package]))
        return purchase

    return buy_one


@pytest.fixture
def refund_asked(vendor, request_refund, consume):
    """Ask for the coins to be given back: they are held, and the refund waits to be sent."""
    if vendor.is_store:
        vendor.lacks("refunds that we ask for")

    async def ask(purchase, *, unused=COINS["coins_500"], key="refund-1"):
        refund = (await request_refund(purchase, key=key)).json()["refund"]
        paid_coins, bonus = unused
        await consume(coins_held(purchase, refund, paid=paid_coins, bonus=bonus))

    return ask


@pytest.fixture
def state_of(read):
    async def read_state(purchase):
        return (await read(purchase))["state"]

    return read_state


@pytest.fixture
def evidence(rows):
    """Until when evidence of each dispute is due, and whether it was handed in."""

    async def read():
        found = await rows("SELECT evidence_due_at, evidence_submitted FROM disputes")
        return [(each["evidence_due_at"], each["evidence_submitted"]) for each in found]

    return read


@pytest.fixture
def held(rows):
    """What our books say the provider holds, and which fees it kept, by currency."""

    async def read_books():
        found = await rows("""
            SELECT asset,
                   sum(amount) FILTER (WHERE account = '@provider_clearing')::bigint AS clearing,
                   sum(amount) FILTER (WHERE account = '@provider_fees')::bigint AS fees
            FROM postings GROUP BY asset
        """)
        books = {each["asset"]: (each["clearing"] or 0, each["fees"] or 0) for each in found}
        return {currency: both for currency, both in books.items() if any(both)}

    return read_books
