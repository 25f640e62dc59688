"""The tables stop what the code should never try, and look as the code believes they do."""

import pytest
from asyncpg import InsufficientPrivilegeError, IntegrityConstraintViolationError
from sqlalchemy import text

from services.gift.tables import GiftTable
from tests.drift import drift

GIFT = """
    INSERT INTO gifts (viewer, id, idempotency_key, request_hash, gift_type, price_coins, count,
                       coins, creator, anonymous, state, asked_at, requested_at, expires_at,
                       settled_at, correlation_id, slices, refusal)
    VALUES ('mira', gen_random_uuid(), gen_random_uuid()::text, '', 'g_tea', {price}, {count},
            {coins}, {creator}, false, {state}, now(), now(), now(), {settled}, 'c', {slices},
            {refusal})
"""
A_GIFT = {
    "price": 5,
    "count": 2,
    "coins": 10,
    "creator": "'lea'",
    "state": "'requested'",
    "settled": "NULL",
    "slices": "NULL",
    "refusal": "NULL",
}


async def run(database, statement):
    async with database.transaction() as tx:
        await tx.execute(text(statement))


@pytest.mark.parametrize(
    ("constraint", "wrong"),
    [
        ("gift_has_a_price", {"price": 0, "coins": 0}),
        ("gift_is_counted", {"count": 0, "coins": 0}),
        ("gift_costs_price_times_count", {"coins": 11}),
        ("nobody_gives_to_themselves", {"creator": "'mira'"}),
        ("gift_state_known", {"state": "'lost'", "settled": "now()"}),
        ("settled_when_final", {"settled": "now()"}),
        ("sent_with_slices", {"state": "'sent'", "settled": "now()"}),
        ("refused_with_reason", {"state": "'refused'", "settled": "now()"}),
    ],
)
async def test_a_gift_that_cannot_be_is_refused(database, constraint, wrong):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, GIFT.format(**{**A_GIFT, **wrong}))


async def test_a_gift_cannot_be_forgotten(database):
    with pytest.raises(InsufficientPrivilegeError):
        await run(database, "DELETE FROM gifts")


async def test_the_tables_are_what_the_code_believes(database):
    assert await drift(database, GiftTable.metadata) == []
