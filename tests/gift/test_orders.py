"""Whatever order the wallet's facts about gifts arrive in, the gifts end equal."""

from uuid import uuid4

import pytest

from services.gift import consumers
from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.requests import GiftRequest
from services.gift.domain.gifts import GiftDetails
from shared.contracts.wallet import LotRestored, LotReversed
from tests.deliveries import a_broker
from tests.gift.conftest import CATALOGUE, paid, take_in
from tests.gift.test_reversals import said
from tests.orders import assert_all_equal, ends

GIFTS = (
    "SELECT id, state, reversed_coins FROM gifts ORDER BY id",
    "SELECT gift, lot, revision, reversed_coins FROM reversals ORDER BY gift, lot",
    # What others were told last of each lot.
    "SELECT DISTINCT ON (gift, lot) gift, lot, published_coins FROM reversals ORDER BY gift, lot",
)
TEA = GiftDetails(viewer="mira", creator="lea", room="room-1", gift_type="g_tea")
REQUEST = GiftRequest(CATALOGUE.price_gift(TEA), "key", b"h", "story")
OTHER_LOT = uuid4()
STORIES = {
    "gift_paid & lot_reversed": (said(LotReversed, 1, {REQUEST.gift: 5}),),
    "gift_paid & lot_reversed & lot_restored": (
        said(LotReversed, 1, {REQUEST.gift: 5}),
        said(LotRestored, 2, {REQUEST.gift: 0}),
    ),
    "gift_paid & reversed & restored in part & reversed": (
        said(LotReversed, 1, {REQUEST.gift: 5}),
        said(LotRestored, 2, {REQUEST.gift: 2}),
        said(LotReversed, 3, {REQUEST.gift: 3}),
    ),
    "gift_paid & two lots reversed": (
        said(LotReversed, 1, {REQUEST.gift: 2}),
        said(LotReversed, 1, {REQUEST.gift: 3}, lot=OTHER_LOT),
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_whatever_order_they_arrive_in_the_gifts_end_equal(database_of, story):
    def build(database):
        return consumers.build(
            database,
            a_broker("gift"),
            catalogue_cache=CatalogueCache(database, CATALOGUE),
            resolve=lambda _: None,
        )

    async def ask(database):
        await take_in(database, REQUEST)

    found = await ends(database_of, "gift", build, [paid(REQUEST.gift), *story], GIFTS, prepare=ask)

    (gift,), *_ = assert_all_equal(found)
    assert gift[1] == "sent"
