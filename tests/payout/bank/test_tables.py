"""The tables of bank files stop what the code should never try."""

import pytest
from asyncpg import InsufficientPrivilegeError, IntegrityConstraintViolationError

FILE = """
    INSERT INTO bank_files
    VALUES (gen_random_uuid(), {payments}, {amount}, 'EUR', now(), 'ops', 'key', '')
"""
A_FILE = {"payments": 1, "amount": 1}
BATCH = "INSERT INTO bank_batches VALUES (gen_random_uuid(), {payments}, 'key', '')"
CUTOFF = """
    INSERT INTO bank_cutoffs VALUES (gen_random_uuid(), now(), {payments_max}, 'schedule', NULL)
"""
ORDER = """
    INSERT INTO bank_orders (creator, attempt, account, amount_minor, currency, state)
    VALUES ('lea', gen_random_uuid(), 'bank_1', {amount}, 'EUR', {state})
"""
AN_ORDER = {"amount": 1, "state": "'waiting'"}
REPORT = """
    INSERT INTO bank_reports
    VALUES (gen_random_uuid(), 'm', {kind}, 1, 0, now(), 'ops', {confirmed_by}, now(), 'key', '')
"""
A_REPORT = {"kind": "'pain.002'", "confirmed_by": "'ada'"}


@pytest.mark.parametrize(
    ("constraint", "statement", "sound", "wrong"),
    [
        ("bank_file_of_payments", FILE, A_FILE, {"payments": 0}),
        ("bank_file_of_money", FILE, A_FILE, {"amount": 0}),
        ("bank_batch_of_payments", BATCH, {"payments": 0}, {"payments": -1}),
        ("bank_cutoff_of_payments", CUTOFF, {"payments_max": 1}, {"payments_max": 0}),
        ("bank_order_of_money", ORDER, AN_ORDER, {"amount": 0}),
        ("bank_order_state_known", ORDER, AN_ORDER, {"state": "'lost'"}),
        ("bank_report_kind_known", REPORT, A_REPORT, {"kind": "'mt940'"}),
        ("bank_report_confirmed_by_another", REPORT, A_REPORT, {"confirmed_by": "'ops'"}),
    ],
)
async def test_what_cannot_be_is_refused(execute, constraint, statement, sound, wrong):
    await execute(statement.format(**sound))
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await execute(statement.format(**{**sound, **wrong}))


async def test_an_attempt_is_in_one_file_whatever_the_code_does(execute):
    paid = """
        INSERT INTO bank_payments
        VALUES ('lea', '00000000-0000-0000-0000-000000000001', gen_random_uuid())
    """
    await execute(paid)
    with pytest.raises(IntegrityConstraintViolationError, match="bank_payments_pkey"):
        await execute(paid)


@pytest.mark.parametrize(
    "table", ["bank_batches", "bank_files", "bank_orders", "bank_payments", "bank_reports"]
)
@pytest.mark.parametrize("verb", ["DELETE FROM {}", "TRUNCATE {}"])
async def test_the_service_cannot_remove_what_was_paid(execute, table, verb):
    with pytest.raises(InsufficientPrivilegeError):
        await execute(verb.format(table))
