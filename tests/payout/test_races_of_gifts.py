"""Gifts, warnings, reversals and maturing at once: whatever comes first, all of it counts."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import cycle
from uuid import uuid4

import pytest

from services.payout.commands.earnings import apply_fraud_warnings, follow_gifts
from services.payout.commands.maturity import mature
from shared.contracts.gift import GiftRestored
from shared.contracts.purchase import PurchaseRiskFlagged
from shared.contracts.wallet import LotKind, Slice, lot_id
from shared.postgres.database import is_contention
from shared.postgres.statements import text
from tests.databases import another
from tests.payout.books import violations
from tests.payout.conftest import HOLDING, KNOWN_FOR_LONG, a_gift_sent
from tests.payout.test_maturity import balances, reversal
from tests.payout.test_races import decide, reading


@pytest.fixture(autouse=True)
async def books_are_right(database):
    yield
    assert await violations(database) == []


PURCHASE = uuid4()
LOT = lot_id(PURCHASE, LotKind.PAID)
PIECE = Slice(lot=LOT, kind=LotKind.PAID, coins=100, diamond_rate_bp=10_000)


@pytest.fixture
async def read(database):
    """Turn facts into what a handler is given, where lea is known for long."""
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text(KNOWN_FOR_LONG))
    return reading(database, HOLDING)


def flagged():
    return PurchaseRiskFlagged(purchase=PURCHASE, viewer="mira", warning="w", reason="stolen")


async def hold_reasons(lea):
    return {held["reason"] for held in (await lea.get("/v1/earnings/me")).json()["holds"]}


@pytest.mark.parametrize("gift_commits_first", [True, False])
async def test_a_warning_and_a_gift_at_the_same_moment(lea, read, database, gift_commits_first):
    """Two instances: one books the gift, the other hears the warning about its money."""
    gift, flag = read(a_gift_sent(100, slices=(PIECE,))), read(flagged())

    def book(tx):
        return follow_gifts(tx, [gift], HOLDING)

    def warn(tx):
        return apply_fraud_warnings(tx, [flag], HOLDING)

    outer, inner = (warn, book) if gift_commits_first else (book, warn)
    async with database.part_for("lea").transaction() as first:
        await outer(first)
        async with database.part_for("lea").transaction() as second:
            await inner(second)

    assert await hold_reasons(lea) == {"funding-risk"}
    await let_mature(database, days=8)
    assert await balances(lea) == (100, 0, 0)
    await let_mature(database, days=15)
    assert await balances(lea) == (0, 100, 0)


async def let_mature(database, days):
    async with database.part_for("lea").transaction() as tx:
        await mature(tx, HOLDING, now=datetime.now(UTC) + timedelta(days=days))


@pytest.mark.parametrize("restored", [False, True])
async def test_what_is_being_warned_of_does_not_mature(
    lea, hear, read, meanwhile, database, restored
):
    gift = a_gift_sent(100, slices=(PIECE,))
    now = datetime.now(UTC)
    async with database.part_for("lea").transaction() as tx:
        story = [read(gift, at=now - timedelta(days=30))]
        if restored:
            story.append(read(reversal(gift, 1, 100), at=now - timedelta(days=20)))
            back = reversal(gift, 2, 0, contract=GiftRestored)
            story.append(read(back, at=now - timedelta(days=19)))
        await follow_gifts(tx, story, HOLDING)

    async with meanwhile(lambda: let_mature(database, days=0)) as (tx, _):
        await apply_fraud_warnings(tx, [read(flagged())], HOLDING)

    assert await balances(lea) == (100, 0, 0)
    assert await hold_reasons(lea) == {"funding-risk"}


async def test_what_is_maturing_is_not_held_by_a_warning_that_came_later(
    lea, read, meanwhile, database
):
    gift = a_gift_sent(100, slices=(PIECE,))
    async with database.part_for("lea").transaction() as tx:
        await follow_gifts(tx, [read(gift, at=datetime.now(UTC) - timedelta(days=30))], HOLDING)
    warn = decide(database, lambda tx: apply_fraud_warnings(tx, [read(flagged())], HOLDING))

    async with meanwhile(warn) as (tx, _):
        await mature(tx, HOLDING, now=datetime.now(UTC))

    assert await balances(lea) == (0, 100, 0)


async def test_what_is_taken_back_while_it_matures_is_taken_once(lea, read, meanwhile, database):
    gift = a_gift_sent(100, slices=(PIECE,))
    old = datetime.now(UTC) - timedelta(days=30)
    async with database.part_for("lea").transaction() as tx:
        await follow_gifts(tx, [read(gift, at=old)], HOLDING)
    back = read(reversal(gift, 1, 60))

    async with meanwhile(decide(database, lambda tx: follow_gifts(tx, [back], HOLDING))) as (tx, _):
        await mature(tx, HOLDING, now=datetime.now(UTC))

    assert await balances(lea) == (0, 40, 0)


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
async def test_two_revisions_of_a_gift_heard_by_two_instances_end_as_one_by_one(
    lea, read, meanwhile, database, order
):
    gift = a_gift_sent(100, slices=(PIECE,))
    said = {
        1: read(reversal(gift, 1, 100)),
        2: read(reversal(gift, 2, 30, contract=GiftRestored)),
    }
    old = datetime.now(UTC) - timedelta(days=30)
    async with database.part_for("lea").transaction() as tx:
        await follow_gifts(tx, [read(gift, at=old)], HOLDING)
    await let_mature(database, days=0)
    first, second = (said[number] for number in order)

    async with meanwhile(decide(database, lambda tx: follow_gifts(tx, [second], HOLDING))) as (
        tx,
        _,
    ):
        await follow_gifts(tx, [first], HOLDING)

    assert await balances(lea) == (70, 0, 0)


async def test_a_gift_and_its_reversal_heard_by_two_instances_end_as_one_by_one(
    lea, read, meanwhile, database
):
    gift = a_gift_sent(100, slices=(PIECE,))
    back = read(reversal(gift, 1, 60))

    async with meanwhile(decide(database, lambda tx: follow_gifts(tx, [read(gift)], HOLDING))) as (
        tx,
        _,
    ):
        await follow_gifts(tx, [back], HOLDING)

    assert await balances(lea) == (40, 0, 0)


@pytest.fixture
async def instances(database):
    """Instances of the service: each has few sessions for a part."""
    opened = [another(database) for _ in range(5)]
    yield cycle(opened)
    for each in opened:
        await each.close()


async def test_nothing_deadlocks_when_all_of_it_happens_at_once(lea, read, database, instances):
    """Gifts, reversals, warnings and maturing of one lot, many times at once."""
    gifts = [a_gift_sent(100, slices=(PIECE,)) for _ in range(20)]
    old = datetime.now(UTC) - timedelta(days=30)
    async with database.part_for("lea").transaction() as tx:
        await follow_gifts(tx, [read(gift, at=old) for gift in gifts], HOLDING)
    back = [read(reversal(gift, 1, 50)) for gift in gifts]

    async def tried(work):
        try:
            await decide(next(instances), work)()
        except Exception as error:  # noqa: BLE001 - looked at below
            return is_contention(error)
        return False

    troubled = await asyncio.gather(
        *(tried(lambda tx, each=each: follow_gifts(tx, [each], HOLDING)) for each in back),
        *(tried(lambda tx: apply_fraud_warnings(tx, [read(flagged())], HOLDING)) for _ in range(5)),
        *(tried(lambda tx: mature(tx, HOLDING, now=datetime.now(UTC))) for _ in range(5)),
    )

    assert not any(troubled)
    assert sum(await balances(lea)) == 1_000
