"""The tables stop what the code should never try, and look as the code believes they do."""

from uuid import uuid4

import pytest
from asyncpg import InsufficientPrivilegeError, IntegrityConstraintViolationError

from services.wallet.tables import WalletTable
from shared.postgres.statements import text
from tests.drift import drift

GIFT = uuid4()
LOT = """
    INSERT INTO lots (user_id, id, purchase, kind, coins, remaining, held, open, price_minor,
                      currency, channel, diamond_rate_bp, funded_at, expires_at)
    VALUES ('mira', gen_random_uuid(), gen_random_uuid(), {kind}, {coins}, {remaining}, {held},
            {open}, {price}, 'USD', 'web', {rate}, now(), {expires})
"""
ENTRY = """
    INSERT INTO entries (user_id, number, gift, reference, request_hash, kind, asset, accounts,
                         amounts, balances_after, assets, lots, slices)
    VALUES ('mira', 2, {gift}, {reference}, '', {kind}, {asset}, {accounts}, {amounts}, {after},
            {assets}, {lots}, {slices})
"""
AN_ENTRY = {
    "gift": "gen_random_uuid()",
    "reference": "NULL",
    "kind": "'gift'",
    "asset": "'coins'",
    "accounts": "'main,@spent'",
    "amounts": "'{-10,10}'",
    "after": "'{90}'",
    "assets": "NULL",
    "lots": "ARRAY[gen_random_uuid()]",
    "slices": "'{10}'",
}
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
    async with database.part_for("mira").transaction() as tx:
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
        ("lot_rate_known", {"rate": 100_001}),
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
        *(
            (constraint, ENTRY.format(**{**AN_ENTRY, **wrong}))
            for constraint, wrong in [
                ("entry_has_one_reference", {"gift": "NULL"}),
                ("entry_has_one_reference", {"reference": "'purchase:1'"}),
                ("entry_has_one_reference", {"gift": "NULL", "reference": "'gift:1'"}),
                ("posting_moves", {"amounts": "'{0,0}'"}),
                ("entry_sums_to_zero", {"amounts": "'{-10,9}'"}),
                ("entry_sums_to_zero", {"amounts": "'{-10,10}'", "assets": "'{coins,USD}'"}),
                (
                    "entry_sums_to_zero",
                    {
                        "accounts": "'main,held,@issued'",
                        "amounts": "'{10,10,-19}'",
                        "after": "'{1,2,3}'",
                    },
                ),
                ("entry_has_postings", {"kind": "NULL"}),
                ("entry_has_postings", {"amounts": "NULL"}),
                ("entry_has_postings", {"asset": "NULL"}),
                ("entry_has_postings", {"accounts": "'main'"}),
                ("entry_has_postings", {"accounts": "NULL"}),
                ("entry_has_postings", {"after": "NULL"}),
                ("entry_has_postings", {"after": "'{90,NULL,1}'"}),
                ("entry_has_postings", {"assets": "'{coins}'"}),
                (
                    "entry_has_postings",
                    {"amounts": "'{}'", "accounts": "''", "after": "'{}'"},
                ),
                ("slice_has_lot_and_coins", {"slices": "'{0}'"}),
                ("slice_has_lot_and_coins", {"slices": "'{1,2}'"}),
                ("slice_has_lot_and_coins", {"lots": "NULL"}),
                (
                    "slice_has_lot_and_coins",
                    {"slices": "NULL", "lots": "ARRAY[gen_random_uuid(), gen_random_uuid()]"},
                ),
            ]
        ),
        (
            "one_entry_a_reference",
            (
                "INSERT INTO entries (user_id, number, reference, request_hash) "
                "VALUES ('m', 1, 'refund:1', ''), ('m', 2, 'refund:1', '')"
            ),
        ),
        (
            "one_entry_a_gift",
            (
                "INSERT INTO entries (user_id, number, gift, request_hash) "
                f"VALUES ('m', 1, '{uuid4()}', ''), ('m', 2, '{GIFT}', ''), ('m', 3, '{GIFT}', '')"
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
            "outbox_share_known",
            (
                "INSERT INTO outbox (share, key, message_id, exchange, routing_key, headers, body) "
                "VALUES (16, 'm', gen_random_uuid(), 'e', 'r', '{}', '')"
            ),
        ),
    ],
)
async def test_a_row_that_cannot_be_is_refused(database, constraint, statement):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, statement)


@pytest.mark.parametrize("table", ["entries", "audit"])
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


async def test_an_entry_that_can_be_is_taken(database):
    await run(database, ENTRY.format(**AN_ENTRY))
    two = {**AN_ENTRY, "assets": "'{coins,USD,coins,USD}'", "amounts": "'{1,2,-1,-2}'"}
    several = {**two, "accounts": "'{a,b,c,d}'", "after": "'{1,2,3,4}'"}

    await run(database, ENTRY.format(**several).replace("'mira', 2", "'mira', 3"))


async def test_the_tables_are_what_the_code_believes(database):
    if database.part_count > 1:
        pytest.skip("the same migrations make the tables of a part")
    assert await drift(database, WalletTable.metadata) == []
