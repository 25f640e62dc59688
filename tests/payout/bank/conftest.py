"""Payouts by bank file in a test's words; the operator brings what the bank says."""

from contextlib import AsyncExitStack
from datetime import time
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

from services.payout import consumers
from services.payout.commands.attempts import follow_attempts, open_attempts
from services.payout.domain.methods import only
from services.payout.main import build_http, connect_bank, read_rules
from services.payout.providers.bank_file import build as build_bank
from shared.keyring import new_key
from shared.postgres.statements import text
from shared.vendors.installations import Installation
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import a_broker, a_delivery
from tests.payout import conftest as payout
from tests.payout.bank.pretend import payments_of


def _rules_in_euros():
    rules, rates = payout.SEEDS
    with TemporaryDirectory() as folder:
        in_euros = Path(folder) / "rates.toml"
        in_euros.write_text(rates.read_text().replace('"USD"', '"EUR"'))
        return read_rules(rules, in_euros, only("bank"), hold_seconds=0)


RULES = _rules_in_euros()
KEY = new_key()
OPTIONS = {
    "description": "Your earnings",
    "payments_per_file_max": 1_000,
    "file_at": time(14),
    "time_zone": "Europe/Dublin",
    "confirm_above_minor": 100_000,
    "debtor": {
        "name": "Example Live Ltd.",
        "iban": "IE29AIBK93115212345678",
        "bic": "AIBKIE2DXXX",
        "currency": "EUR",
    },
}


def a_bank(*, is_live=True, **options):
    """A bank as a section of the file of providers has it."""
    listed = {**OPTIONS, **options}
    installation = Installation(service="payout", name="bank", options=listed, is_live=is_live)
    return build_bank(installation)


# Numbers out of the register of IBANs, each the example of its country.
IBANS = ("DE89370400440532013000", "FR1420041010050500013M02606", "NO9386011117947")
WHY = {"reason": "the day's file"}


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("PAYOUT_BANK_KEY", KEY)


@pytest.fixture
def bank(database):
    bank = a_bank()
    assert connect_bank({"bank": bank}, database) is bank
    return bank


@pytest.fixture
def bank_in_practice(bank):
    """The same bank, of an installation that moves no money."""
    bank.rules = a_bank(is_live=False).rules
    return bank


@pytest.fixture
def app(database, bank):
    return build_http(database, a_verifier(), {"bank": bank}, RULES, bank=bank)


@pytest.fixture
async def client_as(app):
    """Make a client with a token."""
    async with AsyncExitStack() as stack:

        async def make(user, **claims):
            return await stack.enter_async_context(client_of(app, a_token(user, **claims)))

        yield make


@pytest.fixture
async def creator(client_as):
    async def make(user):
        return await client_as(user, roles=["creator"])

    return make


@pytest.fixture
async def lea(creator):
    return await creator("lea")


@pytest.fixture
async def clerk(client_as):
    return await client_as("ops", roles=["operator"], scope="bank-files:write audit:read")


@pytest.fixture
def hear(database):
    (consumer,) = consumers.build(database, a_broker("payout"), RULES)

    async def hear_all(*events):
        await consumer.receive([a_delivery(event) for event in events])

    return hear_all


@pytest.fixture
def work(database, bank):
    """Let the worker do what is due, and no more."""

    async def do():
        for part in database.parts:
            async with part.transaction() as tx:
                await open_attempts(tx)
            while await follow_attempts(part, {"bank": bank}, RULES):
                pass

    return do


@pytest.fixture
def cash_out(lea, hear, work):
    """Earn diamonds, name an account, and ask for the money of all of them."""

    async def ask(client=lea, user="lea", *, iban=IBANS[0], destination=None):
        await hear(payout.a_gift_sent(3_000, creator=user))
        if destination is None:
            destination = await leave_account(client, iban)
        await client.put("/v1/payouts/payees/EUR", json={"destination": destination})
        quote = (await client.post("/v1/payouts/quotes", json={})).json()
        headers = {"Idempotency-Key": str(uuid4())}
        answer = await client.post("/v1/payouts", json={"quote": quote["quote"]}, headers=headers)
        assert answer.status_code == 201, answer.text
        await work()
        return answer.json()["payout"]

    return ask


@pytest.fixture
def make_file(clerk):
    """Let the operator make a file and download it: its id, and its payments."""

    async def make():
        made = await clerk.post("/v1/operator/bank-files", json=WHY)
        assert made.status_code == 201, made.text
        file = made.json()["file"]
        xml = (await clerk.get(f"/v1/operator/bank-files/{file}")).content
        return payments_of(xml)

    return make


@pytest.fixture
def bring(clerk, work):
    """Let the operator bring a report, and the worker look at what it says."""

    async def give(report):
        answer = await clerk.post("/v1/operator/bank-reports", content=report)
        await work()
        return answer

    return give


@pytest.fixture
def execute(database):
    async def run(statement):
        async with database.part_for("lea").transaction() as tx:
            return list(await tx.execute(text(statement)))

    return run


async def leave_account(client, iban=IBANS[0], *, holder="Léa Créatrice"):
    """Store a bank account; returns its token."""
    account = {"holder": holder, "iban": iban}
    answer = await client.put("/v1/payouts/bank-account", json=account)
    assert answer.status_code == 200, answer.text
    return answer.json()["destination"]


async def state_of(client, payout):
    return (await client.get(f"/v1/payouts/{payout}")).json()["state"]


async def reason_of(client, payout):
    return (await client.get(f"/v1/payouts/{payout}")).json()["timeline"][-1]["reason"]


async def diamonds_of(client):
    """The diamonds that are available, and those that are reserved."""
    earned = (await client.get("/v1/earnings/me")).json()
    return earned["available_diamonds"], earned["reserved_diamonds"]
