"""Whatever order facts about a purchase arrive in, the wallet's books end equal."""

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest

from services.wallet import consumers
from services.wallet.main import read_rules
from shared.contracts.gift import UserErased
from tests.deliveries import a_broker
from tests.orders import assert_all_equal, ends
from tests.wallet.conftest import a_gift_requested, a_purchase_paid
from tests.wallet.test_purchase_events import (
    closed,
    disputed,
    flagged,
    refund_declined,
    refund_requested,
    refunded,
)

BOOKS = (
    "SELECT kind, balance FROM accounts WHERE balance <> 0 ORDER BY kind",
    (
        "SELECT account, sum(amount) FROM postings WHERE account LIKE '@%' GROUP BY 1"
        " HAVING sum(amount) <> 0 ORDER BY 1"
    ),
    (
        "SELECT kind, coins, remaining, held, spent, refunded, charged_back, owed - repaid,"
        " forfeited FROM lots ORDER BY kind, coins"
    ),
    "SELECT dispute, revision, claimed_minor FROM disputes ORDER BY dispute",
    "SELECT hold_key, state FROM holds ORDER BY hold_key",
)
REFUND = UUID(int=1)


requested, declined, given_back = (
    partial(each, refund=REFUND)
    for each in (refund_requested, refund_declined, partial(refunded, coins=100))
)
won, lost = partial(closed, won=True), partial(closed, won=False)
part = partial(disputed, amount_minor=33)
STORIES = {
    "paid & disputed": (disputed,),
    "paid & disputed in part": (part,),
    "paid & risk_flagged": (flagged,),
    "paid & refund_requested": (requested,),
    "paid & refund_requested & refunded": (requested, given_back),
    "paid & refund_requested & refund_declined": (requested, declined),
    "paid & disputed & dispute won": (disputed, won),
    "paid & disputed & dispute lost": (disputed, lost),
    "paid & risk_flagged & disputed": (flagged, disputed),
    "paid & refund_requested & declined & disputed": (requested, declined, disputed),
    "paid & refund_requested & refunded & disputed": (requested, given_back, disputed),
    "paid & refunded & disputed & won": (given_back, disputed, won),
    "paid & refunded & disputed & lost": (given_back, disputed, lost),
    "paid & refund_requested & refunded & failed": (requested, given_back, declined),
    "paid & risk_flagged & refund_requested": (flagged, requested),
    "paid & risk_flagged & refund_requested & declined": (flagged, requested, declined),
    "paid & risk_flagged & refund_requested & refunded": (flagged, requested, given_back),
    "paid & risk_flagged & disputed & won": (flagged, disputed, won),
}
# Of a person who gives their coins up and is erased: nothing of theirs may be on its way then.
FORFEIT = {
    "erased & disputed": (disputed,),
    "erased & disputed in part": (part,),
    "erased & disputed & won": (disputed, won),
    "erased & disputed & lost": (disputed, lost),
    "erased & risk_flagged": (flagged,),
    "erased & risk_flagged & disputed & won": (flagged, disputed, won),
    "erased & refunded": (given_back,),
    "erased & refunded & failed": (given_back, declined),
}
NOTHING_LEFT = "SELECT 1 FROM accounts WHERE kind IN ('main', 'held') AND balance <> 0"


@pytest.fixture
def wallet(settings):
    rules = read_rules(settings.rules_file)
    return lambda database: consumers.build(settings, rules, database, a_broker("wallet"))


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_whatever_order_they_arrive_in_the_books_end_equal(database_of, wallet, story):
    paid = a_purchase_paid(coins=100, bonus_coins=5)
    facts = [paid, *(happens(paid) for happens in story)]

    found = await ends(database_of, "wallet", wallet, facts, BOOKS)

    accounts, *_ = assert_all_equal(found)
    assert all(balance > 0 for _, balance in accounts)


@pytest.mark.parametrize(
    "story",
    [
        (disputed,),
        (part,),
        (disputed, won),
        (requested, partial(refunded, refund=REFUND, coins=125)),
        (flagged, requested, declined),
        (requested, partial(refunded, refund=REFUND, coins=125), disputed),
    ],
    ids=["disputed", "in part", "won", "refunded", "refund declined", "refunded and disputed"],
)
@pytest.mark.parametrize("spent_coins", [0, 30])
async def test_coins_of_a_promo_code_follow_their_purchase_in_whatever_order(
    database_of, wallet, story, spent_coins
):
    expires_at = datetime.now(UTC) + timedelta(days=7)
    paid = a_purchase_paid(
        coins=100, bonus_coins=5, promo_coins=20, promo_expires_at=expires_at, campaign="winter"
    )
    facts = [happens(paid) for happens in story]
    before: tuple[object, ...] = ()
    if spent_coins:
        before = (paid, a_gift_requested(coins=spent_coins))
    else:
        facts = [paid, *facts]

    found = await ends(database_of, "wallet", wallet, facts, BOOKS, before=before)

    assert_all_equal(found)


@pytest.mark.parametrize(
    "story",
    [
        (disputed, won),
        (disputed, lost),
        (part, lost),
        (flagged, disputed),
        (given_back, disputed, won),
        (given_back, part, declined),
        (flagged, part, given_back),
    ],
    ids=[
        *("won", "lost", "lost after a part", "flagged", "refunded, disputed and won"),
        *("refund failed", "flagged, disputed and refunded"),
    ],
)
async def test_whatever_order_they_arrive_in_after_coins_were_spent_the_books_end_equal(
    database_of, wallet, story
):
    paid = a_purchase_paid(coins=100)
    before = (paid, a_gift_requested(coins=60))

    found = await ends(
        database_of, "wallet", wallet, [each(paid) for each in story], BOOKS, before=before
    )

    assert_all_equal(found)


@pytest.mark.parametrize("story", FORFEIT.values(), ids=FORFEIT)
async def test_coins_that_were_given_up_are_gone_in_every_order(database_of, wallet, story):
    paid = a_purchase_paid(coins=100, bonus_coins=5)
    other = a_purchase_paid(coins=50)
    given = a_gift_requested(coins=30)
    erased = UserErased(erasure=uuid4(), user="mira", erased_at=datetime.now(UTC), forfeit=True)
    facts = [erased, *(happens(paid) for happens in story)]

    found = await ends(
        database_of, "wallet", wallet, facts, [*BOOKS, NOTHING_LEFT], before=(paid, other, given)
    )

    *_, nothing_left = assert_all_equal(found)
    assert nothing_left == []
