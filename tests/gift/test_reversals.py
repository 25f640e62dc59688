"""Gifts whose coins lost their money are announced so, once, whatever is heard first."""

from itertools import permutations
from uuid import UUID, uuid4

import pytest

from shared.contracts.wallet import LotRestored, LotReversed, ReversedGift
from tests.deliveries import announced, forget_inbox
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


async def test_a_repeated_or_older_revision_changes_nothing(ask, wallet_says, database):
    gift = (await ask()).json()["gift"]
    await wallet_says(paid(gift))

    await wallet_says(said(LotReversed, 2, {gift: 3}))
    await forget_inbox(database)
    await wallet_says(said(LotReversed, 2, {gift: 3}), said(LotReversed, 1, {gift: 5}))

    assert await reversals(database) == [("gift.reversed", 2, 3)]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_no_order_of_payment_and_reversals_matters(ask, wallet_says, database, mira, order):
    gift = (await ask()).json()["gift"]
    story = (paid(gift), said(LotReversed, 1, {gift: 5}), said(LotRestored, 2, {gift: 2}))

    for place in order:
        await wallet_says(story[place])

    assert (await mira.get(f"/v1/gifts/{gift}")).json()["reversed_coins"] == 2
    assert (await reversals(database))[-1][2] == 2


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
