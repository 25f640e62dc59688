"""What is said again from the gifts' own rows is what was said, under the same ids."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from services.gift.commands.combos import end_combos
from services.gift.commands.reannouncing import facts_between
from shared.contracts.gift import ComboEnded, GiftSent
from shared.contracts.routes import BY_TYPE
from shared.contracts.wallet import LotRestored, LotReversed
from tests.gift.conftest import CATALOGUE, paid, refused
from tests.gift.test_reversals import said

ALWAYS = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}


async def said_again(database, **when):
    async with database.snapshot() as tx:
        facts = [fact async for fact in facts_between(tx, **{**ALWAYS, **when})]
    return {fact.event.id: fact for fact in facts}


async def announced_facts(database):
    """Everything said about outcomes, by id; of each reversed lot only the last word."""
    async with database.transaction() as tx:
        rows = list(await tx.execute(text("SELECT headers, body FROM outbox ORDER BY id")))
    return {str(row.headers["cloudEvents_id"]): row for row in rows}


async def test_outcomes_and_reversals_are_said_again_as_they_were(ask, wallet_says, database):
    given, declined, taken = [(await ask()).json()["gift"] for _ in range(3)]
    await wallet_says(paid(given), refused(declined), paid(taken))
    await wallet_says(said(LotReversed, 1, {taken: 5}), said(LotReversed, 2, {given: 5}))
    await wallet_says(said(LotRestored, 3, {given: 0}))

    again = await said_again(database)
    before = await announced_facts(database)

    assert len(again) == 5
    for identifier, fact in again.items():
        contract = BY_TYPE[before[str(identifier)].headers["cloudEvents_type"]]
        assert type(fact.event) is contract
        said_before = contract.model_validate_json(text_of_data(before[str(identifier)].body))
        assert fact.event == said_before


async def test_combos_are_said_again_with_their_gifts(ask, wallet_says, database):
    taps = [(await ask(gift_type="g_pebble")).json()["gift"] for _ in range(3)]
    await ask(gift_type="g_boat")
    await wallet_says(*(paid(gift, coins=1) for gift in taps))
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE combos SET last_requested_at = now() - interval '9 s'"))
    async with database.transaction() as tx:
        await end_combos(tx, CATALOGUE)

    again = await said_again(database)
    before = await announced_facts(database)

    assert [type(fact.event) for fact in again.values()] == [GiftSent] * 3 + [ComboEnded]
    for identifier, fact in again.items():
        said_before = text_of_data(before[str(identifier)].body)
        assert fact.event == type(fact.event).model_validate_json(said_before)


def text_of_data(body):
    return body[body.index(b'"data":') + len(b'"data":') : -1]


async def test_only_what_was_settled_in_that_time_is_said_again(ask, wallet_says, database):
    gift = (await ask()).json()["gift"]
    await ask()
    await wallet_says(paid(gift))
    now = datetime.now(UTC)

    assert len(await said_again(database, since=now - timedelta(minutes=1))) == 1
    assert not await said_again(database, since=now + timedelta(minutes=1))
    assert not await said_again(database, until=now - timedelta(minutes=1))
