"""The tables stop what the code should never try, and look as the code believes they do."""

import pytest
from asyncpg import InsufficientPrivilegeError, IntegrityConstraintViolationError
from sqlalchemy import text

from services.payout.tables import PayoutTable
from tests.drift import drift

EARNING = """
    INSERT INTO earnings (creator, gift, slice, decision, viewer, lot, lot_kind, coins, rate_bp,
                          diamonds, reversed_diamonds, occurred_at, matures_at, hold_reason,
                          matured, anonymous)
    VALUES ('lea', gen_random_uuid(), 0, 1, 'mira', gen_random_uuid(), 'paid', {coins}, {rate},
            {diamonds}, {reversed}, now(), now(), 'standard', false, false)
"""
AN_EARNING = {"coins": 3, "rate": 5_000, "diamonds": 1, "reversed": 0}
PAYOUT = """
    INSERT INTO payouts (creator, id, idempotency_key, request_hash, quote, diamonds, amount_minor,
                         fee_minor, currency, rate_version, provider, destination, state, version,
                         requested_at, correlation_id)
    VALUES ('lea', gen_random_uuid(), gen_random_uuid()::text, '', gen_random_uuid(), {diamonds},
            {amount}, {fee}, 'USD', 1, 'sandbox', 'acct_ok', {state}, 1, now(), 'c')
"""
A_PAYOUT = {"diamonds": 2_000, "amount": 1_000, "fee": 0, "state": "'approved'"}


async def run(database, *statements):
    async with database.transaction() as tx:
        for statement in statements:
            await tx.execute(text(statement))


@pytest.mark.parametrize(
    ("constraint", "wrong"),
    [
        ("earning_of_coins", {"coins": 0, "diamonds": 0}),
        ("earning_rate_known", {"rate": -1, "diamonds": 0}),
        ("earning_rounded_down", {"diamonds": 2}),
        ("earning_reversed_in_part", {"reversed": 2}),
    ],
)
async def test_an_earning_that_cannot_be_is_refused(database, constraint, wrong):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, EARNING.format(**{**AN_EARNING, **wrong}))


@pytest.mark.parametrize(
    ("constraint", "wrong"),
    [
        ("payout_of_diamonds", {"diamonds": 0}),
        ("payout_of_money", {"amount": 0}),
        ("payout_fee_known", {"fee": -1}),
        ("payout_state_known", {"state": "'lost'"}),
    ],
)
async def test_a_payout_that_cannot_be_is_refused(database, constraint, wrong):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, PAYOUT.format(**{**A_PAYOUT, **wrong}))


@pytest.mark.parametrize("three", ["'requested', 'LEA', NULL", "'applied', 'ann', 'Ann '"])
async def test_a_correction_by_oneself_is_refused(database, three):
    asked = f"""
        INSERT INTO adjustments (user_id, id, idempotency_key, request_hash, amount, reason,
                                 state, requested_by, decided_by)
        VALUES ('lea', gen_random_uuid(), 'k', '', 1, 'why', {three})
    """
    with pytest.raises(IntegrityConstraintViolationError, match="adjusted_by_other_people"):
        await run(database, asked)


@pytest.mark.parametrize(
    ("constraint", "statement"),
    [
        (
            "restoration_pending_in_part",
            "INSERT INTO restorations VALUES ('lea', gen_random_uuid(), 0, 1, 2, now())",
        ),
        ("creator_valued_at_a_rate", "INSERT INTO creators VALUES ('lea', 1, 'USD', 0)"),
        (
            "contradiction_status_known",
            """INSERT INTO contradictions (creator, payout, attempt, state, status)
            VALUES ('lea', gen_random_uuid(), gen_random_uuid(), 'paid', 'maybe')""",
        ),
        (
            "reversal_most_counted",
            """INSERT INTO reversals
            VALUES ('lea', gen_random_uuid(), gen_random_uuid(), 1, 1, 0, now(), NULL, '{1}')""",
        ),
        (
            "payee_is_counted",
            """INSERT INTO payees (creator, provider, destination, revision)
            VALUES ('lea', 'sandbox', 'acct_ok', 0)""",
        ),
        (
            "attempt_answered_when_asked",
            """INSERT INTO attempts (creator, id, payout, number, answered_check)
            VALUES ('lea', gen_random_uuid(), gen_random_uuid(), 1, 1)""",
        ),
        (
            "payout_loss_counted",
            "INSERT INTO payout_losses VALUES ('lea', gen_random_uuid(), -1)",
        ),
    ],
)
async def test_what_cannot_be_derived_is_refused(database, constraint, statement):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, *statement.split("; "))


async def test_a_creator_has_one_payout_under_way(database):
    with pytest.raises(IntegrityConstraintViolationError, match="one_open_payout_a_creator"):
        await run(database, PAYOUT.format(**A_PAYOUT), PAYOUT.format(**A_PAYOUT))


async def test_a_payout_has_one_attempt_under_way(database):
    attempt = """
        INSERT INTO attempts (creator, id, payout, number)
        VALUES ('lea', gen_random_uuid(), '00000000-0000-0000-0000-000000000001', {})
    """
    with pytest.raises(IntegrityConstraintViolationError, match="one_open_attempt_a_payout"):
        await run(database, attempt.format(1), attempt.format(2))


@pytest.mark.parametrize(
    "table",
    [
        *("entries", "payout_states", "seals", "audit"),
        *("contradictions", "restorations", "creators"),
    ],
)
async def test_history_cannot_be_rewritten_by_the_service_itself(database, table):
    for verb in ("DELETE FROM {}", "TRUNCATE {}"):
        with pytest.raises(InsufficientPrivilegeError):
            await run(database, verb.format(table))


async def test_the_tables_are_what_the_code_believes(database):
    assert await drift(database, PayoutTable.metadata) == []
