"""Gifts whose coins lost their money are announced so, once, whatever is heard first."""

from itertools import permutations
from uuid import UUID, uuid4

import pytest

from shared.contracts.wallet import LotRestored, LotReversed, ReversedGift
from shared.postgres.statements import text
from tests.deliveries import announced, announced_by_id, forget_inbox
from tests.gift.conftest import paid, refused

LOT, PURCHASE = uuid4(), uuid4()


def said(contract, revision, gifts, *, lot=LOT):
    return contract(
        viewer="mira",
        purchase=PURCHASE,
        lot=lot,
        revision=revision,
        gifts=tuple(
            ReversedGift(gift=UUID(str(gift)), reversed_coins=coins)
            for gift, coins in gifts.items()
        ),
    )


async def reversals(database):
    return [
        (fact["name"], fact["revision"], fact["reversed_coins"])
        for fact in await announced(database)
        if fact["name"] in ("gift.reversed", "gift.restored")
    ]


async def test_a_gift_is_reversed_and_restored_with_totals(ask, wallet_says, database, mira):
    gift = (await ask()).json()["gift"]
    await wallet_says(paid(gift))

    await wallet_says(said(LotReversed, 1, {gift: 5}))
    assert (await mira.get(f"/v1/gifts/{gift}")).json()["reversed_coins"] == 5
    await wallet_says(said(LotRestored, 2, {gift: 0}))

    assert (await mira.get(f"/v1/gifts/{gift}")).json()["reversed_coins"] == 0
    assert await reversals(database) == [("gift.reversed", 1, 5), ("gift.restored", 2, 0)]


async def test_a_repeated_or_older_revision_changes_nothing(ask, wallet_says, database, mira):
    gift = (await ask()).json()["gift"]
    await wallet_says(paid(gift))

    await wallet_says(said(LotReversed, 2, {gift: 3}))
    await forget_inbox(database)
    await wallet_says(said(LotReversed, 2, {gift: 3}), said(LotReversed, 1, {gift: 2}))

    assert await reversals(database) == [("gift.reversed", 2, 3)]
    assert (await mira.get(f"/v1/gifts/{gift}")).json()["reversed_coins"] == 3


async def test_an_older_revision_with_more_coins_is_announced_once(
    ask, wallet_says, database, mira
):
    """Creators' books have to know that the coins were gone; the newest stays what it is."""
    gift = (await ask()).json()["gift"]
    await wallet_says(paid(gift), said(LotReversed, 3, {gift: 2}))

    for _ in range(2):
        await wallet_says(said(LotReversed, 1, {gift: 5}), said(LotRestored, 2, {gift: 1}))
        await forget_inbox(database)

    assert await reversals(database) == [("gift.reversed", 3, 2), ("gift.reversed", 1, 5)]
    assert (await mira.get(f"/v1/gifts/{gift}")).json()["reversed_coins"] == 2


async def test_a_restoration_that_was_heard_first_is_announced_after_its_reversal(
    ask, wallet_says, database, mira
):
    gift = (await ask()).json()["gift"]
    await wallet_says(paid(gift), said(LotRestored, 2, {gift: 0}))
    assert await reversals(database) == []

    for _ in range(2):
        await wallet_says(said(LotReversed, 1, {gift: 5}))
        await forget_inbox(database)

    assert await reversals(database) == [("gift.reversed", 1, 5), ("gift.restored", 2, 0)]
    sequences = [sequence for _, sequence, _ in (await announced_by_id(database)).values()]
    assert [int(sequence) for sequence in sequences] == [1, 2, 3, 4]
    assert (await mira.get(f"/v1/gifts/{gift}")).json()["reversed_coins"] == 0


async def test_what_was_heard_before_the_gift_was_sent_is_no_news_when_it_comes_again(
    ask, wallet_says, database
):
    gift = (await ask()).json()["gift"]
    heard = (said(LotReversed, 1, {gift: 5}), said(LotRestored, 2, {gift: 0}))
    await wallet_says(*heard)
    await wallet_says(paid(gift))
    await forget_inbox(database)

    await wallet_says(*heard)

    assert await reversals(database) == []


async def test_of_a_row_from_before_only_newer_revisions_are_news(ask, wallet_says, database):
    gift = (await ask()).json()["gift"]
    await wallet_says(paid(gift), said(LotReversed, 2, {gift: 3}))
    async with database.part_for("mira").transaction() as tx:
        await tx.execute(
            text("UPDATE reversals SET known_revisions = NULL, published_revision = NULL")
        )

    await wallet_says(said(LotReversed, 1, {gift: 5}), said(LotRestored, 3, {gift: 1}))

    assert await reversals(database) == [("gift.reversed", 2, 3), ("gift.restored", 3, 1)]


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
async def test_creators_books_hear_the_newest_and_each_time_that_more_was_gone(
    ask, wallet_says, database, order
):
    """Two reversals, each undone: whoever keeps the highest revision ends with the newest."""
    gift = (await ask()).json()["gift"]
    revisions = (
        said(LotReversed, 1, {gift: 5}),
        said(LotRestored, 2, {gift: 0}),
        said(LotReversed, 3, {gift: 4}),
        said(LotRestored, 4, {gift: 1}),
    )
    await wallet_says(paid(gift))

    for place in order:
        await wallet_says(revisions[place])
        await forget_inbox(database)
    await wallet_says(*revisions)

    told = await reversals(database)
    assert max(told, key=lambda each: each[1])[1:] == (4, 1)
    assert {(1, 5), (3, 4)} <= {each[1:] for each in told}
    assert len({each[1] for each in told}) == len(told)


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_no_order_of_payment_and_reversals_matters(ask, wallet_says, database, mira, order):
    gift = (await ask()).json()["gift"]
    story = (paid(gift), said(LotReversed, 1, {gift: 5}), said(LotRestored, 2, {gift: 2}))

    for place in order:
        await wallet_says(story[place])

    assert (await mira.get(f"/v1/gifts/{gift}")).json()["reversed_coins"] == 2
    newest = max(await reversals(database), key=lambda each: each[1])
    assert newest[1:] == (2, 2)


async def test_lots_are_reversed_each_for_itself(ask, wallet_says, database, mira):
    gift = (await ask()).json()["gift"]
    await wallet_says(paid(gift))

    await wallet_says(said(LotReversed, 1, {gift: 2}), said(LotReversed, 1, {gift: 3}, lot=uuid4()))

    assert (await mira.get(f"/v1/gifts/{gift}")).json()["reversed_coins"] == 5
    assert len(await reversals(database)) == 2


async def test_every_fact_about_a_gift_counts_one_version(ask, wallet_says, database):
    gift = (await ask()).json()["gift"]
    await wallet_says(said(LotReversed, 1, {gift: 5}))
    await wallet_says(paid(gift))
    await wallet_says(said(LotRestored, 2, {gift: 0}))

    names = [fact["name"] for fact in await announced(database)]
    assert names == ["gift.requested", "gift.sent", "gift.reversed", "gift.restored"]


async def test_a_gift_that_was_refused_cannot_be_reversed(ask, wallet_says, database):
    gift = (await ask()).json()["gift"]
    await wallet_says(refused(gift))

    await wallet_says(said(LotReversed, 1, {gift: 5}))

    assert await reversals(database) == []
