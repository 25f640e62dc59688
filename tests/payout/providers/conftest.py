"""The payout service with one provider after the other, each with its fake vendor."""

import os
from dataclasses import replace

import httpx
import pytest

from services.payout import consumers
from services.payout.commands.attempts import follow_attempts, open_attempts
from services.payout.domain.methods import only
from services.payout.domain.payees import DestinationKind
from services.payout.main import build_http, connect_bank
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of, served
from tests.deliveries import a_broker, a_delivery
from tests.payout.books import violations
from tests.payout.conftest import RULES, a_gift_sent, at_rate
from tests.payout.providers.drivers import drivers, open_driver

DRIVERS = drivers(os.environ)
# So often the parties take turns until nothing is left to say.
TURNS = 3
PAYEE = text("""
    INSERT INTO payees (creator, currency, provider, destination, payouts_enabled, verification)
    VALUES ('lea', :currency, :provider, :destination, true, 'verified')
    ON CONFLICT DO NOTHING
""")
CONTACT = text("""
    INSERT INTO payee_contacts (creator, revision, destination, email)
    VALUES ('lea', 1, :destination, :email)
    ON CONFLICT DO NOTHING
""")
DUE = text("UPDATE attempts SET next_check_at = now()")


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
def provider(vendor):
    return vendor.provider


@pytest.fixture
def rules(vendor):
    """Creators earn in the vendor's currency, and are paid by the vendor."""
    return replace(at_rate(RULES, 500, currency=vendor.currency), methods=only(vendor.name))


@pytest.fixture
def hear(database, rules):
    (consumer,) = consumers.build(database, a_broker("payout"), rules)

    async def hear_all(*events):
        await consumer.receive([a_delivery(event) for event in events])

    return hear_all


@pytest.fixture
async def lea(database, vendor, rules):
    providers = {vendor.name: vendor.provider}
    bank = connect_bank(providers, database)
    app = build_http(database, a_verifier(), providers, rules, bank=bank)
    async with client_of(app, a_token("lea", roles=["creator"])) as client:
        client.app = app
        yield client


@pytest.fixture(autouse=True)
async def connected(vendor, lea):
    """Let webhooks arrive over real HTTP."""
    async with served(httpx.ASGITransport(lea.app, raise_app_exceptions=False)) as url:
        vendor.connect(url)
        yield


@pytest.fixture
def work(database, vendor, rules):
    """Let the worker look after all payouts now, whether they are due or not."""

    async def look():
        # An attempt that a webhook makes due in this moment would be skipped.
        await vendor.deliver()
        async with database.part_for("lea").transaction() as tx:
            await open_attempts(tx)
            await tx.execute(DUE)
        await follow_attempts(database.part_for("lea"), {vendor.name: vendor.provider}, rules)

    return look


@pytest.fixture
def follow(database, vendor, rules):
    """Let the worker look after what webhooks have made due, and nothing else."""

    async def look():
        await vendor.deliver()
        await follow_attempts(database.part_for("lea"), {vendor.name: vendor.provider}, rules)

    return look


@pytest.fixture(autouse=True)
async def books_agree(*, connected, vendor, work, rows):
    """Whatever a test lets happen: in the end our books are the vendor's, to the cent."""
    yield
    vendor.release_webhooks()
    for _ in range(TURNS):
        await vendor.deliver()
        await work()
    said = await rows("""
        SELECT asset, -sum(amount)::bigint AS minor FROM postings
        WHERE account = '@provider_clearing' GROUP BY asset HAVING sum(amount) <> 0
    """)
    assert {each["asset"]: each["minor"] for each in said} == vendor.books()


@pytest.fixture(autouse=True)
async def invariants_hold(*, books_agree, database):
    yield
    assert await violations(database) == []


@pytest.fixture
def rows(database):
    async def read(statement):
        async with database.part_for("lea").transaction() as tx:
            return [dict(row) for row in await tx.execute(text(statement))]

    return read


@pytest.fixture
def cash_out(lea, hear, database, vendor):
    """Earn 3,000 diamonds and ask for all of them: 15.00 of the vendor's currency."""

    async def ask(destination=None):
        await hear(a_gift_sent(3_000))
        destination = await vendor.leave(lea, destination or vendor.destination())
        async with database.part_for("lea").transaction() as tx:
            if vendor.provider.destination_kind is DestinationKind.EMAIL:
                # The address is in an erasable table, and our token in its place.
                contact = {"destination": "email_of_lea", "email": destination}
                await tx.execute(CONTACT, contact)
                destination = contact["destination"]
            payee = {"provider": vendor.name, "currency": vendor.currency}
            await tx.execute(PAYEE, {**payee, "destination": destination})
        quote = (await lea.post("/v1/payouts/quotes", json={})).json()
        headers = {"Idempotency-Key": quote["quote"]}
        answer = await lea.post("/v1/payouts", json={"quote": quote["quote"]}, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()["payout"]

    return ask


@pytest.fixture
def attempt_of(rows):
    """Return the id of a payout's newest attempt, as the vendor knows it."""

    async def read(payout):
        found = await rows(f"""
            SELECT id FROM attempts WHERE payout = '{payout}' ORDER BY number DESC LIMIT 1
        """)
        return str(found[0]["id"])

    return read


@pytest.fixture
def order_of(rows):
    """Return a payout as it is ordered of the vendor."""

    async def read(payout):
        (found,) = await rows(f"""
            SELECT amount_minor, currency, coalesce(email, payouts.destination) AS destination
            FROM payouts LEFT JOIN payee_contacts USING (creator) WHERE id = '{payout}'
        """)
        return found

    return read


@pytest.fixture
def read(lea):
    async def read_one(payout):
        return (await lea.get(f"/v1/payouts/{payout}")).json()

    return read_one


@pytest.fixture
def stands(lea, read):
    """Say how a payout stands: its state, and the diamonds that are free and reserved."""

    async def say(payout):
        earned = (await lea.get("/v1/earnings/me")).json()
        state = (await read(payout))["state"]
        return state, earned["available_diamonds"], earned["reserved_diamonds"]

    return say


@pytest.fixture
def paid(cash_out, work, stands):
    """Ask for a payout, and let it arrive."""

    async def ask():
        payout = await cash_out()
        await work()
        await work()
        assert await stands(payout) == ("paid", 0, 0)
        return payout

    return ask
