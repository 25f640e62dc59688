"""What creators are owed is what their diamonds are worth, at the rate in force for them."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.payout import consumers
from services.payout.commands.transfers import apply_status
from services.payout.commands.valuations import revalue_all
from services.payout.domain.earnings import earn, post
from services.payout.domain.money import PAYABLE, PayoutMoney, diamonds_of, note_rate, revalue
from services.payout.domain.payouts import ProviderStatus
from services.payout.domain.rate_plans import STANDARD_PLAN
from services.payout.main import build_http
from services.payout.store import attempts
from shared.contracts.gift import GiftRestored
from shared.ledger.entries import MAIN, LockedAccounts
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import a_broker, a_delivery
from tests.payout.books import violations
from tests.payout.conftest import HOLDING, RULES, a_gift_sent, at_rate
from tests.payout.test_domain import HASH, an_earning
from tests.payout.test_maturity import reversal


def cheaper():
    return at_rate(RULES, 400)


def odd():
    return replace(at_rate(RULES, 333), minimum_diamonds=10)


def standard(rules):
    return rules.rates.rate(STANDARD_PLAN, datetime.now(UTC))


@pytest.fixture
def hear_at(database):
    async def hear(rules, *events):
        (consumer,) = consumers.build(database, a_broker("payout"), rules)
        await consumer.receive([a_delivery(event) for event in events])

    return hear


@pytest.fixture
def owed(database):
    """What the books say is owed to lea (a liability is negative), by currency."""

    async def read(account=PAYABLE, creator="lea"):
        found = await rows(
            database,
            "SELECT asset, -sum(amount)::bigint AS owed FROM postings"
            f" WHERE account = '{account}' AND user_id = '{creator}' GROUP BY asset",
        )
        return {row["asset"]: row["owed"] for row in found if row["owed"]}

    return read


@pytest.fixture
def cash_out_at(database, provider):
    """Ask for a payout under some rules; returns the answer."""

    async def ask(rules, diamonds, quoted_under=None):
        apps = [
            build_http(database, a_verifier(), {"sandbox": provider}, each)
            for each in (quoted_under or rules, rules)
        ]
        token = a_token("lea", roles=["creator"])
        async with client_of(apps[0], token) as before, client_of(apps[1], token) as after:
            await before.put("/v1/payouts/payees/USD", json={"destination": "acct_ok_lea"})
            quote = await before.post("/v1/payouts/quotes", json={"diamonds": diamonds})
            return await after.post(
                "/v1/payouts",
                json={"quote": quote.json()["quote"]},
                headers={"Idempotency-Key": uuid4().hex},
            )

    return ask


@pytest.fixture
def send(database):
    """Let the provider say something of the payout that is under way."""

    async def say(rules, *truths):
        async with database.part_for("lea").transaction() as tx:
            await attempts.open_for_approved(tx, 10)
            await tx.execute(text("UPDATE attempts SET next_check_at = now()"))
            (claimed, *_) = await attempts.claim_due(tx, 10)
        for truth in truths:
            async with database.part_for("lea").transaction() as tx:
                about = {"reason": None, "rules": rules}
                await apply_status(tx, claimed, truth, **about)

    return say


async def rows(database, statement):
    async with database.transaction() as tx:
        return [dict(row) for row in await tx.execute(text(statement))]


async def faults(database):
    return {found.invariant for found in await violations(database)}


def test_what_is_owed_is_what_the_diamonds_are_worth_also_after_a_new_rate():
    accounts, earning = LockedAccounts("lea"), an_earning(0, 10_000, matured=True)
    old, new = standard(RULES), standard(cheaper())
    note_rate(accounts, old)
    earn(accounts, [earning], RULES, reference="gift", request_hash=HASH)
    accounts.record_result("{}")
    revalue(accounts, old, new, reference="revalue")
    note_rate(accounts, new)
    amounts = {MAIN: -10_000, "@paid_out": 10_000}
    money = PayoutMoney("USD", 4_000, "USD", paid_minor=4_000)
    post(accounts, amounts, RULES, kind="paid", reference="p", request_hash=HASH, of_payout=money)
    accounts.record_result("{}")

    posted = [posting for entry in accounts.entries for posting in entry.postings]
    assert diamonds_of(accounts) == 0
    assert sum(posting.amount for posting in posted if posting.account == PAYABLE) == 0


@pytest.mark.parametrize("value_minor_per_1000", [400, 333, 501])
async def test_the_next_transaction_of_a_creator_revalues_what_is_owed(
    hear_at, owed, database, value_minor_per_1000
):
    rules = at_rate(RULES, value_minor_per_1000)
    await hear_at(RULES, a_gift_sent(9_999))
    assert await owed() == {"USD": 4_999}

    await hear_at(rules, a_gift_sent(2))

    assert await owed() == {"USD": 10_001 * value_minor_per_1000 // 1000}
    found = await rows(database, "SELECT reference FROM entries WHERE kind = 'revalue'")
    assert len(found) == 1
    await hear_at(rules, a_gift_sent(2))
    assert await rows(database, "SELECT reference FROM entries WHERE kind = 'revalue'") == found
    assert await faults(database) == set()


async def test_a_job_revalues_creators_whom_nothing_touches(hear_at, owed, database):
    await hear_at(RULES, *(a_gift_sent(1_000, creator=f"creator-{n}") for n in range(5)))

    async def revalue(rules):
        for part in database.parts:
            async with part.transaction() as tx:
                await revalue_all(tx, rules)

    await revalue(cheaper())
    assert [await owed(creator=f"creator-{n}") for n in range(5)] == [{"USD": 400}] * 5
    # An instance that knows the older rate only does not turn it back.
    await revalue(RULES)
    assert await owed(creator="creator-0") == {"USD": 400}
    assert len(await rows(database, "SELECT 1 AS n FROM entries WHERE kind = 'revalue'")) == 5
    assert await faults(database) == set()


async def test_a_new_currency_moves_what_is_owed_into_it(hear_at, owed, database):
    await hear_at(RULES, a_gift_sent(1_000))
    euros = at_rate(RULES, 450, currency="EUR")

    await hear_at(euros, a_gift_sent(1_000))

    assert await owed() == {"EUR": 900}
    assert await faults(database) == set()


async def test_what_was_promised_for_a_payout_is_owed_whatever_the_rate_becomes(
    hear_at, owed, cash_out_at, send, database
):
    await hear_at(RULES, a_gift_sent(10_000))
    answer = await cash_out_at(cheaper(), 6_000, quoted_under=RULES)
    assert answer.json()["amount_minor"] == 3_000
    assert await owed() == {"USD": 4_000 * 4 // 10 + 3_000}
    assert await faults(database) == set()

    await send(odd(), ProviderStatus.PAID)

    assert await owed() == {"USD": 4_000 * 333 // 1000}
    assert await owed("@provider_clearing") == {"USD": 3_000}
    assert await faults(database) == set()
    await send(odd(), ProviderStatus.RETURNED)
    assert await owed() == {"USD": 10_000 * 333 // 1000}
    assert await owed("@provider_clearing") == {}
    assert await faults(database) == set()


@pytest.mark.parametrize(
    "truth", [ProviderStatus.PAID, ProviderStatus.FAILED, ProviderStatus.RETURNED]
)
async def test_no_rounding_leaves_anything_owed_to_nobody(
    hear_at, owed, cash_out_at, send, database, truth
):
    """At 333 for 1,000 no number of diamonds is a whole number of cents."""
    await hear_at(odd(), a_gift_sent(1_000), a_gift_sent(7), a_gift_sent(1))
    assert (await cash_out_at(odd(), 1_000)).status_code == 201
    assert await faults(database) == set()

    await send(odd(), truth)

    (left,) = await rows(database, "SELECT sum(balance)::bigint AS n FROM accounts")
    assert await owed() in ({"USD": left["n"] * 333 // 1000}, {})
    assert await faults(database) == set()


BREAKING = {
    "owed-is-worth": "UPDATE creators SET value_minor_per_1000 = 510",
    "clearing-is-what-was-paid": "UPDATE payouts SET amount_minor = amount_minor - 1",
    "diamonds-follow-their-coins": "UPDATE reversals SET reversed_coins = reversed_coins - 1",
    "restored-diamonds-stand": "UPDATE restorations SET diamonds = 1000000",
    "pending-is-what-has-not-matured": "UPDATE restorations SET pending = pending - 1",
    "maturings-are-of-earnings": """
        INSERT INTO matured_slices VALUES ('lea', 1, gen_random_uuid(), 0, 0, 1)
    """,
    "statements-are-their-entries": "UPDATE creators SET closed_entry = 1",
    "losses-are-remembered": "INSERT INTO payout_losses VALUES ('lea', gen_random_uuid(), 1)",
}


@pytest.mark.parametrize("law", BREAKING)
async def test_the_proof_sees_what_it_is_for(hear_at, cash_out_at, send, database, law):
    gift = a_gift_sent(1_000)
    await hear_at(RULES, a_gift_sent(2_000), gift)
    await hear_at(HOLDING, reversal(gift, 1, 600))
    await hear_at(HOLDING, reversal(gift, 2, 200, contract=GiftRestored))
    assert (await cash_out_at(RULES, 2_000)).status_code == 201
    await send(RULES, ProviderStatus.PAID)
    assert await faults(database) == set()

    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text(BREAKING[law]))

    assert law in await faults(database)
