"""What is said again from the gifts' own rows is what was said, under the same ids."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.gift.commands import creators
from services.gift.commands.catalogue_admin import Editor, change_gift_type
from services.gift.commands.combos import end_combos
from services.gift.commands.erasures import request_erasure
from services.gift.commands.messages import decide_message
from services.gift.commands.republish import (
    REPUBLISHED,
    facts_between,
    reference_facts_between,
)
from services.gift.commands.requests import repeat_requests
from services.gift.domain.creators import CreatorRules, MessageState
from shared.contracts.wallet import LotRestored, LotReversed
from shared.postgres.statements import text
from tests.deliveries import announced_by_id, by_id, said_again
from tests.gift.conftest import CATALOGUE, paid, refused
from tests.gift.test_erasures import CHECKED
from tests.gift.test_reversals import said


@pytest.fixture
def story(ask, wallet_says, database):
    """Gifts of all kinds: refused, open, reversed, restored; a combo; messages; a price."""

    async def set_rules(hold):
        async with database.reference.transaction() as tx:
            await creators.set_rules(tx, "lea", CreatorRules(hold_messages=hold), by="lea")

    async def decide(gift, state):
        async with database.part_for("mira").transaction() as tx:
            await decide_message(
                tx, "lea", UUID(gift), MessageState(state), by="lea", correlation_id="story"
            )

    async def play():
        given, declined, taken, early, _ = [(await ask()).json()["gift"] for _ in range(5)]
        taps = [(await ask(gift_type="g_pebble")).json()["gift"] for _ in range(3)]
        await wallet_says(said(LotReversed, 1, {early: 2}))
        await wallet_says(paid(given), refused(declined), paid(taken), paid(early))
        await wallet_says(*(paid(gift, coins=1) for gift in taps[:2]), refused(taps[2], coins=1))
        await wallet_says(said(LotReversed, 1, {taken: 5}), said(LotReversed, 2, {given: 5}))
        await wallet_says(said(LotRestored, 3, {given: 0, taken: 3}))
        await wallet_says(said(LotReversed, 2, {taken: 4}))
        async with database.part_for("mira").transaction() as tx:
            await tx.execute(text("UPDATE combos SET last_requested_at = now() - interval '9 s'"))
            await end_combos(tx, CATALOGUE)
        await set_rules(True)
        kept, dropped = [(await ask(message="Hello")).json()["gift"] for _ in range(2)]
        await wallet_says(paid(kept), paid(dropped))
        await decide(kept, "shown")
        await decide(dropped, "removed")
        tea = CATALOGUE.find("g_tea")
        editor = Editor("ann", "dearer", "story")
        async with database.reference.transaction() as tx:
            dearer = replace(tea, price_coins=6)
            await change_gift_type(tx, dearer, editor, revision=1, tier=None, preview=False)
        async with database.part_for("otto").transaction() as tx:
            asked = await request_erasure(tx, "otto", forfeit=False, correlation_id="story")
        for contract in CHECKED:
            await wallet_says(contract(erasure=asked.erasure.id, user="otto"))

    return play


def say_again(database, **between):
    return said_again(
        database, facts_between, reference_facts_between=reference_facts_between, **between
    )


async def test_every_fact_is_said_again_with_its_id_its_sequence_and_its_data(story, database):
    """A gift that stands reversed in part was restored last, and that is what is said."""
    await story()

    before = await announced_by_id(database)

    assert by_id(await say_again(database)) == before
    assert {name for name, _, _ in before.values()} == {event.name for event in REPUBLISHED}


async def test_of_a_question_asked_often_the_first_and_the_last_are_said(ask, database):
    await ask()
    for _ in range(2):
        async with database.part_for("mira").transaction() as tx:
            await tx.execute(
                text("UPDATE open_gifts SET last_requested_at = now() - interval '1 hour'")
            )
            await repeat_requests(tx)

    before = await announced_by_id(database)
    again = by_id(await say_again(database))

    assert [data["attempt"] for _, _, data in before.values()] == [1, 2, 3]
    assert [data["attempt"] for _, _, data in again.values()] == [1, 3]
    assert again.items() <= before.items()


async def test_only_what_was_said_in_that_time_is_said_again(story, database):
    await story()
    now = datetime.now(UTC)

    count = len(await announced_by_id(database))
    assert len(await say_again(database, since=now - timedelta(minutes=1))) == count
    assert not await say_again(database, since=now)
    assert not await say_again(database, until=now - timedelta(minutes=1))
