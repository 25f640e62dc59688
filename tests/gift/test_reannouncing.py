"""What is said again from the gifts' own rows is what was said, under the same ids."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import text

from services.gift.commands.reannouncing import SAID_AGAIN, facts_between
from services.gift.commands.requesting import ask_again
from shared.contracts.wallet import LotRestored, LotReversed
from tests.deliveries import announced_by_id, by_id, said_again
from tests.gift.conftest import CATALOGUE, paid, refused
from tests.gift.test_reversals import said

gift_facts = partial(facts_between, catalogue=CATALOGUE)


@pytest.fixture
def story(ask, wallet_says):
    """Gifts that are sent, refused and still open; reversed in full, in part, and restored."""

    async def play():
        given, declined, taken, early, _ = [(await ask()).json()["gift"] for _ in range(5)]
        await wallet_says(said(LotReversed, 1, {early: 2}))
        await wallet_says(paid(given), refused(declined), paid(taken), paid(early))
        await wallet_says(said(LotReversed, 1, {taken: 5}), said(LotReversed, 2, {given: 5}))
        await wallet_says(said(LotRestored, 3, {given: 0, taken: 3}))

    return play


async def test_every_fact_is_said_again_with_its_id_its_sequence_and_its_data(story, database):
    """A gift that stands reversed in part was restored last, and that is what is said."""
    await story()

    before = await announced_by_id(database)

    assert by_id(await said_again(database, gift_facts)) == before
    assert {name for name, _, _ in before.values()} == {event.name for event in SAID_AGAIN}


async def test_of_a_question_asked_often_the_first_and_the_last_are_said(ask, database):
    await ask()
    for _ in range(2):
        async with database.transaction() as tx:
            await tx.execute(text("UPDATE gifts SET asked_at = asked_at - interval '1 hour'"))
            await ask_again(tx)

    before = await announced_by_id(database)
    again = by_id(await said_again(database, gift_facts))

    assert [data["attempt"] for _, _, data in before.values()] == [1, 2, 3]
    assert [data["attempt"] for _, _, data in again.values()] == [1, 3]
    assert again.items() <= before.items()


async def test_only_what_was_said_in_that_time_is_said_again(story, database):
    await story()
    now = datetime.now(UTC)

    count = len(await announced_by_id(database))
    assert len(await said_again(database, gift_facts, since=now - timedelta(minutes=1))) == count
    assert not await said_again(database, gift_facts, since=now)
    assert not await said_again(database, gift_facts, until=now - timedelta(minutes=1))
