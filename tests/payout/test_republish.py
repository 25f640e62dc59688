"""What payout says again from its own rows is what it said, under the same ids."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from services.payout import consumers
from services.payout.commands.adjustments import decide_payout_adjustment
from services.payout.commands.appeals import appeal_payout, decide_appeal
from services.payout.commands.bonuses import BonusRequest, decide_bonus, request_bonus
from services.payout.commands.maturity import mature
from services.payout.commands.rate_plans import announce_rates, assign_plan
from services.payout.commands.republish import (
    REPUBLISHED,
    facts_between,
    reference_facts_between,
)
from services.payout.commands.reviews import review_payout
from services.payout.commands.verification import publish_block
from services.payout.domain.fraud_rules import Mode, RuleName
from services.payout.domain.rate_plans import STANDARD_PLAN, Assignment
from services.payout.main import read_fraud_rules
from services.sandbox import provider as sandbox_provider
from shared.backoffice.adjustments import AdjustmentRequest, request_adjustment
from shared.contracts.gift import GiftRestored
from shared.contracts.shares import ShareEvent
from shared.ledger.sealing import seal
from tests.deliveries import a_broker, a_delivery, an_erasure, announced_by_id, by_id, said_again
from tests.payout.conftest import HOLDING, RULES, a_gift_sent, at_rate
from tests.payout.test_maturity import reversal

FRAUD = read_fraud_rules(Path("seeds/fraud.toml"))
FINDS = replace(FRAUD.rules[RuleName.CONCENTRATION], mode=Mode.SHADOW, minimum_diamonds=1)
# It finds that one viewer gave everything, and stops nothing.
IN_SHADOW = replace(FRAUD, rules={RuleName.CONCENTRATION: FINDS})


@pytest.fixture(autouse=True)
def fast_bank(monkeypatch):
    """The bank settles at once, but for a moment."""
    monkeypatch.setattr(sandbox_provider, "TRANSFER_SECONDS", 0.05)
    monkeypatch.setattr(sandbox_provider, "RETURN_AFTER_SECONDS", 0.05)


@pytest.fixture
def story(database, hear, lea, cash_out, work):
    """Everything that can happen to a creator's diamonds, each at least once."""

    async def follow():
        await work()
        await asyncio.sleep(0.1)
        await work()
        await asyncio.sleep(0.1)
        await work()

    async def decide(payout, *, approved):
        async with database.part_for("lea").transaction() as tx:
            await review_payout(
                tx, "lea", payout, approved=approved, operator="ann", reason="seen", rules=RULES
            )

    async def play():
        lea.app.state.rules = replace(RULES, requests_per_day_max=100, fraud=IN_SHADOW)
        for destination in ("acct_ok_lea", "acct_fail_lea", "acct_return_lea", "acct_half_lea"):
            payout = await cash_out(destination)
            if destination != "acct_ok_lea":
                await decide(payout, approved=True)
            await follow()
        # What is held is approved once and rejected once.
        for approved in (True, False):
            given = a_gift_sent(100)
            await hear(given)
            payout = await cash_out()
            await hear(reversal(given, 1, 100))
            await decide(payout, approved=approved)
            await follow()
            await hear(reversal(given, 2, 0, contract=GiftRestored))
        async with database.part_for("lea").transaction() as tx:
            await appeal_payout(tx, "lea", payout, "I earned it.", RULES)
            about = {"overturned": True, "operator": "ben", "reason": "seen again"}
            await decide_appeal(tx, "lea", payout, **about)
        await hear(*an_erasure("noa"))
        await _change_terms(database)
        await _mature_adjust_and_seal(database)

    return play


async def _change_terms(database):
    """Announce a rate to everybody and to one creator, and grant a bonus."""
    now = datetime.now(UTC)
    for rules in (RULES, at_rate(RULES, 400, since=now + timedelta(days=31))):
        await announce_rates(database, rules, now)
    by = {"operator": "ann", "reason": "signed"}
    asked = BonusRequest("lea", "platform", 5, "a hundred hours", "ben", "key", b"h")
    async with database.part_for("lea").transaction() as tx:
        assignment = Assignment(now + timedelta(days=1), STANDARD_PLAN)
        await assign_plan(tx, "lea", assignment, **by, correlation_id="c", rules=RULES)
        bonus = await request_bonus(tx, asked)
        await decide_bonus(
            tx,
            "lea",
            bonus.id,
            is_granted=True,
            operator="ann",
            correlation_id="c",
            rules=RULES,
        )


async def _mature_adjust_and_seal(database):
    (consumer,) = consumers.build(database, a_broker("payout"), HOLDING)
    await consumer.receive([a_delivery(a_gift_sent(10))])
    async with database.part_for("lea").transaction() as tx:
        await mature(tx, RULES, now=datetime.now(UTC) + timedelta(days=60))
    wish = AdjustmentRequest("payout", "lea", 7, "sorry", "ann", uuid4().hex, b"h")
    async with database.part_for("lea").transaction() as tx:
        asked = await request_adjustment(tx, wish)
        await decide_payout_adjustment(tx, asked.id, "ben", True, "c", rules=RULES)
    async with database.part_for("lea").transaction() as tx:
        await publish_block(tx, await seal(tx))


async def test_every_fact_is_said_again_with_its_id_its_sequence_and_its_data(story, database):
    await story()

    before = await announced_by_id(database)
    again = by_id(
        await said_again(database, facts_between, reference_facts_between=reference_facts_between)
    )

    assert again == before
    # One part tells no other of shares: tests/payout/test_parts.py.
    published = {event.name for event in REPUBLISHED if not issubclass(event, ShareEvent)}
    assert {name for name, _, _ in before.values()} == published


async def test_only_what_was_said_in_that_time_is_said_again(hear, database):
    await hear(a_gift_sent())
    now = datetime.now(UTC)

    assert await said_again(database, facts_between, since=now - timedelta(minutes=5))
    assert not await said_again(database, facts_between, since=now)
    assert not await said_again(database, facts_between, until=now - timedelta(minutes=5))
