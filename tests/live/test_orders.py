"""Whatever order facts about gifts arrive in, rooms end equal."""

from functools import partial

import pytest

from services.live import consumers
from shared.contracts.gift import GiftRestored
from tests.deliveries import a_broker
from tests.live.conftest import a_gift_sent
from tests.live.test_rooms import a_reversal
from tests.orders import assert_all_equal, ends

ROOMS = (
    "SELECT room, gifts, coins FROM rooms ORDER BY room",
    "SELECT room, viewer, gifts, coins FROM scores ORDER BY room, viewer",
    "SELECT room, revision, reversed_coins FROM reversals ORDER BY room",
)


def reversed_to(revision, coins, contract=None):
    options = {"contract": contract} if contract else {}
    return lambda gift: a_reversal(gift, revision, coins, **options)


restored_to = partial(reversed_to, contract=GiftRestored)
STORIES = {
    "sent & reversed": (reversed_to(1, 10),),
    "sent & reversed & restored": (reversed_to(1, 10), restored_to(2, 0)),
    "sent & reversed & restored in part & reversed": (
        reversed_to(1, 10),
        restored_to(2, 3),
        reversed_to(3, 7),
    ),
}


@pytest.mark.parametrize("anonymous", [False, True], ids=["by name", "anonymous"])
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_whatever_order_they_arrive_in_the_rooms_end_equal(database_of, story, anonymous):
    gift = a_gift_sent(10, anonymous=anonymous)

    found = await ends(
        database_of,
        "live",
        lambda database: consumers.build(database, a_broker("live")),
        [gift, *(happens(gift) for happens in story)],
        ROOMS,
        before=(a_gift_sent(5, viewer="jonas"),),
    )

    assert_all_equal(found)
