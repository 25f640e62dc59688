"""Two transactions at once: whoever waits for a lock looks again at what decides."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from services.payout import consumers
from services.payout.commands.attempts import open_attempts
from services.payout.commands.earnings import follow_gifts
from services.payout.commands.payees import set_payee
from services.payout.commands.reviews import review_payout
from services.payout.commands.transfers import apply_status
from services.payout.domain.payouts import ProviderStatus
from services.payout.store import attempts
from shared.postgres.statements import text
from tests.deliveries import a_broker, a_delivery
from tests.payees import a_payee_request
from tests.payout.books import violations
from tests.payout.conftest import HOLDING, RULES, a_gift_sent
from tests.payout.test_following import diamonds_of, state_of
from tests.payout.test_maturity import reversal


@pytest.fixture(autouse=True)
async def books_are_right(database):
    yield
    assert await violations(database) == []


def reading(database, rules):
    """Turn facts into what a handler is given."""
    (consumer,) = consumers.build(database, a_broker("payout"), rules)
    return lambda fact, **about: consumer._receiver._receivers[None].read(a_delivery(fact, **about))  # noqa: SLF001


def decide(database, work):
    async def within():
        async with database.part_for("lea").transaction() as tx:
            return await work(tx)

    return within


async def rows(database, statement):
    async with database.part_for("lea").transaction() as tx:
        return [dict(row) for row in await tx.execute(text(statement))]


async def test_a_payout_is_held_or_sent_but_not_both(lea, hear, cash_out, meanwhile, database):
    """A clawback comes while a worker opens the attempt."""
    gift = a_gift_sent(1_000)
    await hear(gift)
    payout = await cash_out()

    async with meanwhile(lambda: hear(reversal(gift, 1, 1_000))) as (tx, _):
        await open_attempts(tx)

    assert await state_of(lea, payout) == "approved"
    assert len(await rows(database, "SELECT id FROM attempts")) == 1


async def test_a_payout_that_is_being_held_gets_no_attempt(
    lea, hear, cash_out, work, sandbox, database
):
    gift = a_gift_sent(1_000)
    await hear(gift)
    payout = await cash_out()
    heard = reading(database, RULES)(reversal(gift, 1, 1_000))

    async with database.part_for("lea").transaction() as tx:
        await follow_gifts(tx, [heard], RULES)
        async with database.part_for("lea").transaction() as worker:
            await open_attempts(worker)
    await work()

    assert await state_of(lea, payout) == "held"
    assert await rows(database, "SELECT id FROM attempts") == []
    assert sandbox.state.webhooks.events == {}


async def test_two_workers_open_one_attempt(cash_out, database):
    await cash_out()

    async with database.part_for("lea").transaction() as first:
        await open_attempts(first)
        async with database.part_for("lea").transaction() as second:
            await open_attempts(second)

    assert len(await rows(database, "SELECT id FROM attempts")) == 1


async def test_an_attempt_that_is_settled_while_another_wants_to_submit_it_is_not_submitted(
    lea, cash_out, meanwhile, database
):
    await cash_out()
    async with database.part_for("lea").transaction() as tx:
        await open_attempts(tx)
        (claimed,) = await attempts.claim_due(tx, 10)
    begin = decide(database, lambda tx: attempts.begin_to_submit(tx, claimed))

    async with meanwhile(begin) as (tx, answers):
        await apply_status_in(tx, claimed, ProviderStatus.FAILED)

    assert answers == [None]
    assert await diamonds_of(lea) == (3_000, 0)


async def apply_status_in(tx, attempt, truth):
    await apply_status(tx, attempt, truth, reason=None, rules=RULES)


async def test_a_result_that_comes_twice_at_once_moves_diamonds_once(
    lea, cash_out, meanwhile, database
):
    payout = await cash_out()
    async with database.part_for("lea").transaction() as tx:
        await open_attempts(tx)
        (claimed,) = await attempts.claim_due(tx, 10)
    again = decide(database, lambda tx: apply_status_in(tx, claimed, ProviderStatus.FAILED))

    async with meanwhile(again) as (tx, _):
        await apply_status_in(tx, claimed, ProviderStatus.FAILED)

    assert await state_of(lea, payout) == "failed"
    assert await diamonds_of(lea) == (3_000, 0)


async def test_two_operators_decide_a_payout_once(lea, hear, cash_out, meanwhile, database):
    gift = a_gift_sent(1_000)
    await hear(gift)
    payout = await cash_out()
    await hear(reversal(gift, 1, 1_000))

    def judge(operator, approved):
        async def one(tx):
            try:
                about = {"operator": operator, "reason": "seen", "rules": RULES}
                found = await review_payout(tx, "lea", payout, approved=approved, **about)
            except Exception as refused:  # noqa: BLE001 - the refusal is looked at
                return type(refused).__name__
            return found.state.value

        return one

    async with meanwhile(decide(database, judge("ben", False))) as (tx, answers):
        assert await judge("ann", True)(tx) == "approved"

    assert answers == ["NotHeld"]
    assert await state_of(lea, payout) == "approved"


@pytest.fixture
def quotes(lea, hear):
    """Quotes of $10 each, and diamonds for many of them."""

    async def make(count):
        await hear(a_gift_sent(100_000))
        await lea.put("/v1/payouts/payees/USD", json={"destination": "acct_ok_lea"})
        wish = {"diamonds": 2_000}
        return [
            (await lea.post("/v1/payouts/quotes", json=wish)).json()["quote"] for _ in range(count)
        ]

    return make


async def ask(lea, quote, key=None):
    headers = {"Idempotency-Key": key or uuid4().hex}
    answer = await lea.post("/v1/payouts", json={"quote": quote}, headers=headers)
    return answer.status_code, answer.json().get("code")


async def test_of_many_payouts_asked_for_at_once_one_is_under_way(lea, quotes, database):
    asked = await asyncio.gather(*(ask(lea, quote) for quote in await quotes(5)))

    assert sorted(asked) == [(201, None)] + [(409, "payout-open")] * 4
    assert await diamonds_of(lea) == (98_000, 2_000)


async def test_the_same_payout_asked_for_at_once_is_one(lea, quotes, database):
    (quote,) = await quotes(1)
    asked = await asyncio.gather(*(ask(lea, quote, key="one") for _ in range(5)))

    assert asked == [(201, None)] * 5
    assert len(await rows(database, "SELECT id FROM payouts")) == 1


async def test_a_day_has_a_maximum_also_for_who_waited_for_the_lock(lea, hear, meanwhile, database):
    """Both were quoted the whole of it; the first one ends while the second waits."""
    await hear(a_gift_sent(700_000))
    await lea.put("/v1/payouts/payees/USD", json={"destination": "acct_ok_lea"})
    # Nobody has to look at it.
    reviews = replace(RULES.reviews, above_minor=100_000, dual_above_minor=100_000)
    lea.app.state.rules = replace(RULES, reviews=reviews)
    first, second = [
        (await lea.post("/v1/payouts/quotes", json={})).json()["quote"] for _ in range(2)
    ]
    assert await ask(lea, first) == (201, None)
    async with database.part_for("lea").transaction() as tx:
        await open_attempts(tx)
        (claimed,) = await attempts.claim_due(tx, 10)

    async with meanwhile(lambda: ask(lea, second)) as (tx, answers):
        await apply_status_in(tx, claimed, ProviderStatus.PAID)

    assert answers == [(422, "daily-maximum")]


async def test_a_payee_that_is_being_replaced_gets_nothing(lea, quotes, meanwhile, database):
    """The request waits for whoever replaces the account, and sees what became of it."""
    (quote,) = await quotes(1)

    async with meanwhile(lambda: ask(lea, quote)) as (tx, answers):
        await set_payee(tx, a_payee_request("lea", "acct_ok_thief"), rules=HOLDING)

    assert answers == [(409, "payee-resting")]
    assert await rows(database, "SELECT id FROM payouts") == []


async def test_two_first_payees_at_once_are_one_and_its_replacement(lea, meanwhile, database):
    def put(destination):
        return lambda: lea.put("/v1/payouts/payees/USD", json={"destination": destination})

    async with meanwhile(put("acct_ok_two")) as (tx, _):
        await set_payee(tx, a_payee_request("lea", "acct_ok_one"), rules=HOLDING)

    (payee,) = await rows(database, "SELECT destination, revision, unreviewed FROM payees")
    assert payee == {"destination": "acct_ok_two", "revision": 2, "unreviewed": True}
