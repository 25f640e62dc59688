"""Whatever order facts about gifts arrive in, the diamond books end equal."""

from functools import partial
from uuid import uuid4

import pytest

from services.payout import consumers
from shared.contracts.gift import GiftRestored
from shared.contracts.purchase import PurchaseRiskFlagged
from shared.contracts.wallet import LotKind, Slice, lot_id
from tests.deliveries import a_broker
from tests.orders import assert_all_equal, ends
from tests.payout.conftest import HOLDING, RULES, a_gift_sent
from tests.payout.test_maturity import reversal

BOOKS = (
    "SELECT kind, balance FROM accounts WHERE balance <> 0 ORDER BY kind",
    (
        "SELECT account, asset, sum(amount) FROM postings WHERE account LIKE '@%' GROUP BY 1, 2"
        " HAVING sum(amount) <> 0 ORDER BY 1, 2"
    ),
    "SELECT diamonds, reversed_diamonds, lost_diamonds, hold_reason FROM earnings ORDER BY gift",
    "SELECT revision, reversed_coins FROM reversals ORDER BY gift, lot",
)
PURCHASE = uuid4()
PIECE = Slice(
    lot=lot_id(PURCHASE, LotKind.PAID), kind=LotKind.PAID, coins=100, diamond_rate_bp=5_000
)


def flagged(_):
    return PurchaseRiskFlagged(purchase=PURCHASE, viewer="mira", warning="w", reason="stolen")


all_of_it = partial(reversal, revision=1, coins=100)
none_of_it = partial(reversal, revision=2, coins=0, contract=GiftRestored)
a_part_of_it = partial(reversal, revision=2, coins=33, contract=GiftRestored)
more_again = partial(reversal, revision=3, coins=67)
STORIES = {
    "sent & reversed": (all_of_it,),
    "sent & reversed & restored": (all_of_it, none_of_it),
    "sent & reversed & restored in part": (all_of_it, a_part_of_it),
    "sent & reversed & restored in part & reversed": (all_of_it, a_part_of_it, more_again),
    "sent & risk_flagged": (flagged,),
    "sent & risk_flagged & reversed": (flagged, all_of_it),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_whatever_order_they_arrive_in_the_books_end_equal(database_of, story):
    gift = a_gift_sent(100, slices=(PIECE,))
    # What is available at once waits for no warning that comes later.
    rules = HOLDING if flagged in story else RULES

    found = await ends(
        database_of,
        "payout",
        lambda database: consumers.build(database, a_broker("payout"), rules),
        [gift, *(happens(gift) for happens in story)],
        BOOKS,
    )

    assert_all_equal(found)
