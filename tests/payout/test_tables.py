"""The tables stop what the code should never try, and look as the code believes they do."""

import pytest
from asyncpg import InsufficientPrivilegeError, IntegrityConstraintViolationError

from services.payout.tables import PayoutTable
from shared.postgres.statements import text
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
    INSERT INTO payouts (creator, id, idempotency_key, request_hash, quote, diamonds, value_minor,
                         value_currency, amount_minor, fee_minor, currency, rate_version, provider,
                         destination, state, version, requested_at, correlation_id,
                         returned_minor)
    VALUES ('lea', gen_random_uuid(), gen_random_uuid()::text, '', gen_random_uuid(), {diamonds},
            {value}, 'USD', {amount}, {fee}, 'USD', 1, 'sandbox', 'acct_ok', {state}, 1, now(), 'c',
            {returned})
"""
SPLIT = "INSERT INTO splits VALUES ('lea', {at}, '{parties}', '{shares}')"
LATER = "now() + interval '1 day'"
BONUS = """
    INSERT INTO bonuses (creator, id, request_hash, funder, diamonds, reason, requested_by, state,
                         decided_by, matures_at)
    VALUES ('lea', gen_random_uuid(), '', 'platform', {diamonds}, 'why', '{by}', {rest})
"""
A_PAYOUT = {
    "diamonds": 2_000,
    "value": 1_000,
    "amount": 1_000,
    "fee": 0,
    "state": "'approved'",
    "returned": 0,
}

REVIEW = "INSERT INTO payout_reviews VALUES ('lea', gen_random_uuid(), 2, {}, now(), now(), now())"
DECISION = """
    INSERT INTO payout_decisions (creator, payout, operator, revision, decision, reason, ground, at)
    VALUES ('lea', gen_random_uuid(), {}, now())
"""
APPEAL = """
    INSERT INTO payout_appeals (creator, payout, appealed_at, decide_by, text, decision, decided_at)
    VALUES ('lea', gen_random_uuid(), now(), now(), {})
"""
SCHEDULE = """
    INSERT INTO payout_schedules (creator, currency, kind, threshold_diamonds, next_at)
    VALUES ('lea', 'USD', {})
"""
QUOTE = """
    INSERT INTO quotes (creator, id, diamonds, amount_minor, fee_minor, currency, rate_version,
                        expires_at, value_minor, value_currency, exchange_ppm, exchanged_as_of)
    VALUES ('lea', gen_random_uuid(), 2000, 1000, 0, 'USD', 1, now(), {})
"""


async def run(database, *statements):
    async with database.part_for("lea").transaction() as tx:
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
        ("payout_of_value", {"value": 0}),
        ("payout_of_money", {"amount": 0}),
        ("payout_fee_known", {"fee": -1}),
        ("payout_state_known", {"state": "'lost'"}),
        ("payout_returned_within", {"returned": 1_001}),
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
        (
            "funding_fingerprint_known",
            """INSERT INTO fundings
            VALUES ('mira', gen_random_uuid(), gen_random_uuid(), now(), '4242')""",
        ),
        *(
            (constraint, f"INSERT INTO fraud_findings VALUES ('lea', gen_random_uuid(), {values})")
            for constraint, values in (
                ("finding_version_counts", "'x', 0, 'shadow', 1, 1, 2, 1, '{a}'"),
                ("finding_mode_known", "'x', 1, 'off', 1, 1, 2, 1, '{a}'"),
                ("finding_score_is_a_share", "'x', 1, 'shadow', 10001, 1, 2, 1, '{a}'"),
                ("finding_of_diamonds", "'x', 1, 'shadow', 1, 0, 0, 1, '{a}'"),
                ("finding_in_part", "'x', 1, 'shadow', 1, 3, 2, 1, '{a}'"),
                ("finding_names_accounts", "'x', 1, 'shadow', 1, 1, 2, 1, '{a,b}'"),
            )
        ),
        (
            "earning_of_pieces",
            EARNING.format(**AN_EARNING)
            .replace("anonymous)", "anonymous, count)")
            .replace("false, false)", "false, false, 0)"),
        ),
        (
            "stream_ends_after_it_began",
            """INSERT INTO streams
            VALUES (gen_random_uuid(), 'room-1', 'lea', now(), now() - interval '1 second')""",
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
            """INSERT INTO payees (creator, currency, provider, destination, revision)
            VALUES ('lea', 'USD', 'sandbox', 'acct_ok', 0)""",
        ),
        (
            "payee_of_a_currency",
            """INSERT INTO payees (creator, currency, provider, destination)
            VALUES ('lea', 'dollars', 'sandbox', 'acct_ok')""",
        ),
        (
            "payee_verification_known",
            """INSERT INTO payees (creator, currency, provider, destination, verification)
            VALUES ('lea', 'USD', 'sandbox', 'acct_ok', 'perhaps')""",
        ),
        (
            "payee_tax_form_known",
            """INSERT INTO payees (creator, currency, provider, destination, tax_form)
            VALUES ('lea', 'USD', 'sandbox', 'acct_ok', 'lost')""",
        ),
        (
            "payee_screening_known",
            """INSERT INTO payees (creator, currency, provider, destination, screening)
            VALUES ('lea', 'USD', 'sandbox', 'acct_ok', 'perhaps')""",
        ),
        (
            "payee_read_when_asked",
            """INSERT INTO payees (creator, currency, provider, destination, applied_read)
            VALUES ('lea', 'USD', 'sandbox', 'acct_ok', 1)""",
        ),
        (
            "one_payee_a_revision",
            """INSERT INTO payees (creator, currency, provider, destination)
            VALUES ('lea', 'USD', 'sandbox', 'acct_ok'), ('lea', 'EUR', 'sandbox', 'acct_ok')""",
        ),
        ("payee_revision_counts_up", "INSERT INTO payee_revisions VALUES ('lea', 0)"),
        ("contact_is_known", "INSERT INTO payee_contacts VALUES ('lea', 1, 'acct_ok', NULL, NULL)"),
        (
            "cleared_match_has_an_operator",
            """INSERT INTO payee_matches (creator, revision, entry, listed_name, list_version,
            cleared_at) VALUES ('lea', 1, 'ofac:1', 'LEA', 'one', now())""",
        ),
        (
            "attempt_answered_when_asked",
            """INSERT INTO attempts (creator, id, payout, number, answered_check)
            VALUES ('lea', gen_random_uuid(), gen_random_uuid(), 1, 1)""",
        ),
        ("review_has_reasons", REVIEW.format("'{}'")),
        ("payout_decision_known", DECISION.format("'ann', 2, 'maybe', 'seen', NULL")),
        ("payout_ground_known", DECISION.format("'ann', 2, 'rejected', 'seen', 'mood'")),
        ("payout_rejected_on_a_ground", DECISION.format("'ann', 2, 'rejected', 'seen', NULL")),
        ("payout_decided_by_others", DECISION.format("'LEA', 2, 'approved', 'seen', NULL")),
        ("appeal_has_a_length", APPEAL.format("repeat('x', 2001), NULL, NULL")),
        ("appeal_decision_known", APPEAL.format("'why', 'maybe', now()")),
        ("appeal_decided_at_a_time", APPEAL.format("'why', 'upheld', NULL")),
        ("schedule_kind_known", SCHEDULE.format("'hourly', NULL, now()")),
        ("schedule_above_a_threshold", SCHEDULE.format("'above', NULL, now()")),
        ("schedule_above_a_threshold", SCHEDULE.format("'above', 0, now()")),
        ("schedule_has_a_next_time", SCHEDULE.format("'weekly', NULL, NULL")),
        ("quote_of_value", QUOTE.format("0, 'USD', NULL, NULL")),
        ("quote_exchanged_or_not", QUOTE.format("1, 'EUR', NULL, NULL")),
        ("quote_exchanged_or_not", QUOTE.format("1, 'USD', 900000, current_date")),
        ("quote_exchanged_or_not", QUOTE.format("1, 'EUR', 900000, NULL")),
        (
            "statement_of_a_month",
            "INSERT INTO statements VALUES ('lea', '2026-01-02', 2026, 1, 1, 0, 0)",
        ),
        (
            "statement_in_its_year",
            "INSERT INTO statements VALUES ('lea', '2026-01-01', 2025, 1, 1, 0, 0)",
        ),
        (
            "statement_numbered",
            "INSERT INTO statements VALUES ('lea', '2026-01-01', 2026, 13, 1, 0, 0)",
        ),
        (
            "statement_of_entries",
            "INSERT INTO statements VALUES ('lea', '2026-01-01', 2026, 1, 0, 0, 0)",
        ),
        (
            "statement_left_in_part",
            "INSERT INTO statements VALUES ('lea', '2026-01-01', 2026, 1, 1, 0, 1)",
        ),
        (
            "one_statement_a_number",
            """INSERT INTO statements VALUES ('lea', '2026-01-01', 2026, 1, 1, 0, 0),
            ('lea', '2026-02-01', 2026, 1, 1, 0, 0)""",
        ),
        (
            "statement_line_changes",
            "INSERT INTO statement_lines VALUES ('lea', '2026-01-01', 'USD', 'gifts', 0, 1)",
        ),
        (
            "statement_line_counted",
            "INSERT INTO statement_lines VALUES ('lea', '2026-01-01', 'USD', 'gifts', 1, -1)",
        ),
        (
            "matured_part_known",
            "INSERT INTO matured_slices VALUES ('lea', 1, gen_random_uuid(), 0, 3, 1)",
        ),
        (
            "matured_diamonds_counted",
            "INSERT INTO matured_slices VALUES ('lea', 1, gen_random_uuid(), 0, 0, 0)",
        ),
        (
            "earning_shared_with_others",
            f"{EARNING.format(**AN_EARNING)}; UPDATE earnings SET shared_by = 'tomas'",
        ),
        (
            "earning_rounded_down",
            f"{EARNING.format(**AN_EARNING)}; UPDATE earnings SET shares_bp = '{{9999}}'",
        ),
        (
            "announced_rate_is_positive",
            "INSERT INTO rate_announcements VALUES (1, 'standard', now(), 'USD', 0)",
        ),
        (
            "assigned_before_it_counts",
            "INSERT INTO rate_assignments VALUES ('lea', now() - interval '1 second', 'standard')",
        ),
        ("split_set_before_it_counts", SPLIT.format(at="now()", parties="{tomas}", shares="{1}")),
        ("split_has_a_share_each", SPLIT.format(at=LATER, parties="{tomas}", shares="{1,2}")),
        ("split_has_a_share_each", SPLIT.format(at=LATER, parties="{tomas}", shares="{0}")),
        ("split_without_the_creator", SPLIT.format(at=LATER, parties="{lea}", shares="{1}")),
        ("bonus_of_diamonds", BONUS.format(diamonds=0, by="ann", rest="DEFAULT, NULL, NULL")),
        ("bonus_state_known", BONUS.format(diamonds=1, by="ann", rest="'given', 'ben', NULL")),
        (
            "bonus_decided_by_operator",
            BONUS.format(diamonds=1, by="ann", rest="'rejected', NULL, NULL"),
        ),
        (
            "bonus_granted_matures",
            BONUS.format(diamonds=1, by="ann", rest="'granted', 'ben', NULL"),
        ),
        (
            "bonus_granted_by_other_people",
            BONUS.format(diamonds=1, by="ann", rest="'granted', 'Ann ', now()"),
        ),
        (
            "bonus_granted_by_other_people",
            BONUS.format(diamonds=1, by="LEA", rest="DEFAULT, NULL, NULL"),
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
        *("statements", "statement_lines", "matured_slices"),
        *("payout_reviews", "payout_decisions", "payout_appeals", "payout_schedules"),
        *("rate_announcements", "rate_assignments", "splits", "bonuses"),
    ],
)
async def test_history_cannot_be_rewritten_by_the_service_itself(database, table):
    for verb in ("DELETE FROM {}", "TRUNCATE {}"):
        with pytest.raises(InsufficientPrivilegeError):
            await run(database, verb.format(table))


async def test_the_tables_are_what_the_code_believes(database):
    if database.part_count > 1:
        pytest.skip("the same migrations make the tables of a part")
    assert await drift(database, PayoutTable.metadata) == []
