"""What a viewer asks for is kept, here and at the provider: it has a number it stops at."""

import asyncio

from services.purchase.domain.purchases import PAYABLE_FOR
from shared.postgres.statements import text
from tests.parts import in_every_part
from tests.purchase.conftest import AGE_PURCHASES, RULES
from tests.quotas import at_once, end_times, is_too_often, leave

LIMITS = RULES.quotas
OPEN_MAX = LIMITS.open_max


async def count(database, table):
    async with database.transaction() as tx:
        return (await tx.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


async def test_a_viewer_has_so_many_unpaid_purchases_also_at_once(buy, database, pretend):
    event_names = await at_once(*(buy(key=f"key-{n}") for n in range(OPEN_MAX + 3)))

    assert event_names == [(201, None)] * OPEN_MAX + [(409, "too-many-open-purchases")] * 3
    assert await count(database, "purchases") == OPEN_MAX
    # Nothing that is refused reaches the provider.
    assert len(pretend.payments) == OPEN_MAX
    assert (await buy(viewer="noa")).status_code == 201


async def test_a_repeat_at_the_limit_has_its_first_answer(buy):
    first = [(await buy(key=f"key-{n}")).json() for n in range(OPEN_MAX)]
    assert (await buy(key="another")).status_code == 409

    assert (await buy(key="key-3")).json() == first[3]


async def test_of_the_last_one_asked_for_twice_at_once_there_is_one_answer(buy, database):
    for number in range(OPEN_MAX - 1):
        await buy(key=f"key-{number}")

    answers = await asyncio.gather(*(buy(key="the-last") for _ in range(5)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["purchase"] for answer in answers}) == 1
    assert await count(database, "purchases") == OPEN_MAX


async def test_a_purchase_that_is_paid_or_over_makes_room(buy, database):
    for number in range(OPEN_MAX):
        await buy(key=f"key-{number}")
    minutes = PAYABLE_FOR.total_seconds() // 60 + 1
    await in_every_part(database, AGE_PURCHASES, minutes=minutes)

    assert (await buy(key="another")).status_code == 201


async def test_a_viewer_buys_so_many_times_a_day(buy, database):
    first = await buy(key="first")
    await leave(database, "mira", LIMITS.purchases, 1)

    assert await at_once(buy(key="a"), buy(key="b")) == [(201, None), (429, "too-often")]
    assert is_too_often(await buy(key="c"), LIMITS.purchases)
    assert (await buy(key="first")).json() == first.json()
    await end_times(database)
    assert (await buy(key="c")).status_code == 201


async def test_what_cannot_be_bought_takes_none_of_them(buy, database):
    assert (await buy("no-such-package")).is_error
    assert await count(database, "quotas") == 0


async def test_a_viewer_asks_for_money_back_so_many_times_a_day(
    bought_in, request_refund, database
):
    one, other = await bought_in(), await bought_in(key="key-2")
    await leave(database, "mira", LIMITS.refund_requests, 1)

    answers = await asyncio.gather(*(request_refund(one, key="first") for _ in range(4)))

    assert {answer.status_code for answer in answers} == {202}
    assert is_too_often(await request_refund(other, key="second"), LIMITS.refund_requests)
    assert (await request_refund(one, key="first")).status_code == 202
    assert await count(database, "refunds") == 1
