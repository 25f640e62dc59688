"""The tables stop what the code should never try, and look as the code believes they do."""

import pytest
from asyncpg import InsufficientPrivilegeError, IntegrityConstraintViolationError
from sqlalchemy import text

from services.wallet.tables import WalletTable
from tests.drift import drift

LOT = """
    INSERT INTO lots (user_id, id, purchase, kind, coins, remaining, held, open, price_minor,
                      currency, channel, diamond_rate_bp, funded_at, expires_at)
    VALUES ('mira', gen_random_uuid(), gen_random_uuid(), {kind}, {coins}, {remaining}, {held},
            {open}, {price}, 'USD', 'web', {rate}, now(), {expires})
"""
A_LOT = {
    "kind": "'paid'",
    "coins": 10,
    "remaining": 10,
    "held": 0,
    "open": "true",
    "price": 99,
    "rate": 10_000,
    "expires": "NULL",
}


async def run(database, statement):
    async with database.transaction() as tx:
        await tx.execute(text(statement))


@pytest.mark.parametrize(
    ("constraint", "wrong"),
    [
        ("lot_kind_known", {"kind": "'stolen'"}),
        ("lot_has_coins", {"coins": 0, "remaining": 0, "open": "false"}),
        ("lot_adds_up", {"remaining": 9}),
        ("lot_holds_what_remains", {"held": 11}),
        ("lot_open_while_it_remains", {"open": "false"}),
        ("lot_price_known", {"price": -1}),
        ("lot_rate_known", {"rate": -1}),
        ("only_promo_expires", {"expires": "now()"}),
    ],
)
async def test_a_lot_that_cannot_be_is_refused(database, constraint, wrong):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, LOT.format(**{**A_LOT, **wrong}))


@pytest.mark.parametrize(
    ("constraint", "statement"),
    [
        (
            "only_debt_is_negative",
            (
                "INSERT INTO accounts (user_id, kind, asset, balance) "
                "VALUES ('m', 'main', 'coins', -1)"
            ),
        ),
        (
            "account_kind_known",
            "INSERT INTO accounts (user_id, kind, asset) VALUES ('m', 'secret', 'coins')",
        ),
        (
            "posting_moves",
            (
                "INSERT INTO postings (user_id, entry, account, asset, amount) "
                "VALUES ('m', 1, 'main', 'coins', 0)"
            ),
        ),
        (
            "one_entry_a_reference",
            (
                "INSERT INTO entries (user_id, id, kind, reference) "
                "VALUES ('m', 1, 'gift', 'gift:1'), ('m', 2, 'gift', 'gift:1')"
            ),
        ),
        (
            "slice_has_coins",
            (
                "INSERT INTO slices (user_id, gift, lot, coins, entry) "
                "VALUES ('m', gen_random_uuid(), gen_random_uuid(), 0, 1)"
            ),
        ),
        (
            "refunded_is_counted",
            (
                "INSERT INTO holds (user_id, hold_key, purchase, state, refunded_coins) "
                "VALUES ('m', 'r', gen_random_uuid(), 'voided', -1)"
            ),
        ),
        (
            "held_coins_are_counted",
            (
                "INSERT INTO held_coins (user_id, hold_key, lot, coins, answered_coins) "
                "VALUES ('m', 'r', gen_random_uuid(), 0, -1)"
            ),
        ),
        *(
            (
                "adjusted_by_other_people",
                (
                    "INSERT INTO adjustments (user_id, id, idempotency_key, request_hash, amount, "
                    "reason, state, requested_by, decided_by) VALUES "
                    f"('mira', gen_random_uuid(), 'k', '', 1, 'why', {three})"
                ),
            )
            for three in (
                "'requested', ' Mira', NULL",
                "'applied', 'ann', 'MIRA'",
                "'applied', 'ann', 'Ann '",
            )
        ),
        (
            "outbox_part_known",
            (
                "INSERT INTO outbox (part, key, message_id, exchange, routing_key, headers, body) "
                "VALUES (16, 'm', gen_random_uuid(), 'e', 'r', '{}', '')"
            ),
        ),
    ],
)
async def test_a_row_that_cannot_be_is_refused(database, constraint, statement):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, statement)


@pytest.mark.parametrize("table", ["entries", "postings", "outcomes", "slices", "audit"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET user_id = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
async def test_history_cannot_be_rewritten_by_the_service_itself(database, table, verb):
    with pytest.raises(InsufficientPrivilegeError, match="permission denied"):
        await run(database, verb.format(table))


@pytest.mark.parametrize(
    "statement",
    ["UPDATE seals SET hash = ''", "DELETE FROM seals", "UPDATE adjustments SET amount = 1"],
)
async def test_neither_can_its_proof_and_what_was_asked_for(database, statement):
    with pytest.raises(InsufficientPrivilegeError, match="permission denied"):
        await run(database, statement)


async def test_the_tables_are_what_the_code_believes(database):
    assert await drift(database, WalletTable.metadata) == []
