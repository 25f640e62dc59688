"""Coins arrive and gifts are paid: once, twice, together, and too late."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.wallet.commands.expiry import expire_lots
from services.wallet.commands.queries import read_balances
from services.wallet.store import queries
from shared.postgres.statements import text
from tests.deliveries import a_delivery, announced, forget_inbox
from tests.parts import in_every_part
from tests.wallet.conftest import a_gift_requested, a_purchase_paid
from tests.wallet.test_purchase_events import closed, disputed


async def held_by(database, user="mira"):
    async with database.transaction() as tx:
        coins, _, _ = await read_balances(tx, user)
    return coins


async def books(database):
    async with database.transaction() as tx:
        return await queries.totals(tx)


async def rows_of(database, query):
    async with database.transaction() as tx:
        return [tuple(row) for row in await tx.execute(text(query))]


async def test_a_paid_purchase_opens_a_lot_and_credits_it(database, hear):
    paid = a_purchase_paid(coins=500, bonus_coins=20, amount_minor=499)

    await hear(paid)

    assert await held_by(database) == 520
    lots = "SELECT kind, coins, remaining, price_minor, country FROM lots ORDER BY kind"
    assert await rows_of(database, lots) == [
        ("bonus", 20, 20, 0, "US"),
        ("paid", 500, 500, 499, "US"),
    ]
    (credited,) = await announced(database)
    assert (credited["name"], credited["coins"]) == ("wallet.coins_credited", 520)


async def test_promo_coins_are_a_lot_that_expires_and_earns_creators_nothing(database, hear):
    expires_at = datetime.now(UTC) + timedelta(days=7)

    await hear(a_purchase_paid(promo_coins=50, promo_expires_at=expires_at, campaign="winter"))
    await hear(a_gift_requested(coins=60))

    lots = "SELECT kind, coins, remaining, price_minor, expires_at FROM lots ORDER BY kind"
    assert await rows_of(database, lots) == [
        ("paid", 100, 90, 99, None),
        ("promo", 50, 0, 0, expires_at),
    ]
    (paid,) = await announced(database, "wallet.gift_paid")
    assert [
        (piece["kind"], piece["coins"], piece["diamond_rate_bp"]) for piece in paid["slices"]
    ] == [("promo", 50, 0), ("paid", 10, 10_000)]


async def test_promo_coins_that_were_not_spent_in_time_expire_and_no_others(database, hear):
    expires_at = datetime.now(UTC) + timedelta(days=7)
    await hear(a_purchase_paid(promo_coins=50, promo_expires_at=expires_at, campaign="winter"))

    for later in (timedelta(0), timedelta(seconds=1)):
        async with database.part_for("mira").transaction() as tx:
            await expire_lots(tx, now=expires_at - timedelta(seconds=1) + 2 * later)

    assert await held_by(database) == 100
    assert len(await announced(database, "wallet.coins_expired")) == 1


async def test_promo_coins_that_come_back_after_their_time_are_gone_too(database, hear):
    """A bank takes half of a purchase, the other half of its promo coins expires; then it loses."""
    expires_at = datetime.now(UTC) + timedelta(days=7)
    paid = a_purchase_paid(promo_coins=50, promo_expires_at=expires_at, campaign="winter")
    await hear(paid)
    await hear(disputed(paid, amount_minor=paid.amount_minor // 2))
    async with database.part_for("mira").transaction() as tx:
        await expire_lots(tx, now=expires_at)

    await hear(closed(paid, won=True))
    async with database.part_for("mira").transaction() as tx:
        await expire_lots(tx, now=expires_at)

    assert await held_by(database) == 100
    lots = "SELECT remaining, expired FROM lots WHERE kind = 'promo'"
    assert await rows_of(database, lots) == [(0, 50)]


async def test_the_same_purchase_heard_again_is_credited_once(database, hear):
    paid = a_purchase_paid()

    await hear(paid, paid)
    await hear(paid)
    await forget_inbox(database)
    await hear(paid)

    assert await held_by(database) == 100
    assert len(await announced(database)) == 1


async def test_a_gift_is_paid_from_lots_and_says_from_which(database, hear):
    await hear(a_purchase_paid(coins=30), a_purchase_paid(coins=100))
    gift = a_gift_requested(coins=50)

    await hear(gift)

    (paid,) = await announced(database, "wallet.gift_paid")
    assert [piece["coins"] for piece in paid["slices"]] == [30, 20]
    assert paid["balance_coins"] == await held_by(database) == 80
    assert await rows_of(database, "SELECT sum(coins) FROM slices") == [(50,)]


async def test_a_gift_the_viewer_cannot_pay_is_refused_with_the_shortfall(database, hear):
    await hear(a_purchase_paid(coins=30), a_gift_requested(coins=50))

    (refused,) = await announced(database, "wallet.gift_refused")
    assert (refused["reason"], refused["shortfall_coins"]) == ("insufficient-coins", 20)
    assert await held_by(database) == 30


async def test_a_viewer_the_wallet_has_never_seen_is_refused(database, hear):
    await hear(a_gift_requested(viewer="stranger"))

    (refused,) = await announced(database)
    assert (refused["viewer"], refused["shortfall_coins"]) == ("stranger", 10)


async def test_a_refusal_is_final_even_after_coins_arrive(database, hear):
    gift = a_gift_requested(coins=50)
    await hear(gift)
    await hear(a_purchase_paid())

    await hear(gift.model_copy(update={"attempt": 2}))

    assert await held_by(database) == 100
    assert {fact["reason"] for fact in await announced(database, "wallet.gift_refused")} == {
        "insufficient-coins"
    }


async def test_a_gift_asked_again_gets_the_answer_of_the_first_time(database, hear):
    await hear(a_purchase_paid())
    gift = a_gift_requested()
    await hear(gift)
    (first,) = await announced(database, "wallet.gift_paid")
    await in_every_part(database, "DELETE FROM outbox")

    await hear(type(gift)(**{**gift.model_dump(), "attempt": 2}))

    assert await announced(database) == [first]
    assert await held_by(database) == 90


async def test_a_request_that_comes_twice_at_once_is_paid_once_and_answered_twice_alike(
    database, hear
):
    """No inbox knows it: the reference does."""
    await hear(a_purchase_paid(coins=30, bonus_coins=10))
    gift = a_gift_requested(coins=20)

    await hear(gift, type(gift)(**{**gift.model_dump(), "attempt": 2}))
    await hear(gift)

    # All have one id.
    (answer,) = await announced(database, "wallet.gift_paid")
    assert len(answer["slices"]) == 2
    assert await held_by(database) == 20
    assert await rows_of(database, "SELECT count(*) FROM entries WHERE kind = 'gift'") == [(1,)]


async def test_a_gift_asked_for_too_long_ago_is_not_charged(database, hear):
    await hear(a_purchase_paid())
    await hear(a_gift_requested(expires_at=datetime.now(UTC) - timedelta(seconds=1)))

    (refused,) = await announced(database, "wallet.gift_refused")
    assert refused["reason"] == "too-late"
    assert await held_by(database) == 100


async def test_the_same_gift_with_other_contents_is_parked_alone(database, hear):
    """It changes nothing, and the gift beside it in the batch is paid."""
    await hear(a_purchase_paid())
    gift, other = a_gift_requested(), a_gift_requested()
    await hear(gift)
    forged = type(gift)(**{**gift.model_dump(), "attempt": 2, "creator": "otto"})

    await hear(forged, other)

    assert await held_by(database) == 80
    parked = (
        "SELECT routing_key, headers->>'ovation_error_code' FROM outbox"
        " WHERE exchange = 'ovation.dlx'"
    )
    assert await rows_of(database, parked) == [("wallet.gifts", "cause-reused")]


async def test_a_viewer_spends_within_one_batch_in_order(database, hear):
    """Coins for three gifts, five asked in one batch: the first three are paid."""
    await hear(a_purchase_paid(coins=30))
    gifts = [a_gift_requested() for _ in range(5)]

    await hear(*gifts)

    paid = [fact["gift"] for fact in await announced(database, "wallet.gift_paid")]
    assert paid == [str(gift.gift) for gift in gifts[:3]]
    assert len(await announced(database, "wallet.gift_refused")) == 2


async def test_batches_at_once_cannot_overspend(database, hear):
    """Fifty gifts of ten coins from a hundred coins, all at once: exactly ten are paid."""
    await hear(a_purchase_paid(coins=100))

    await asyncio.gather(*(hear(a_gift_requested()) for _ in range(50)))

    assert await held_by(database) == 0
    assert len(await announced(database, "wallet.gift_paid")) == 10


async def test_batches_with_viewers_in_common_do_not_block_each_other_for_ever(database, hear):
    viewers = [f"viewer-{number}" for number in range(20)]
    await hear(*(a_purchase_paid(viewer=viewer, coins=1000) for viewer in viewers))
    orders = (viewers, viewers[::-1], viewers[5:] + viewers[:5])

    await asyncio.gather(
        *(hear(*(a_gift_requested(viewer=viewer) for viewer in order)) for order in orders * 4)
    )

    state = await books(database)
    assert state.gifts == 12 * 20
    assert state.spent_coins == 12 * 20 * 10


async def test_new_viewers_in_several_batches_at_once_get_one_account_each(database, hear):
    purchases = [a_purchase_paid(viewer=f"new-{number % 5}") for number in range(30)]

    await asyncio.gather(*(hear(*purchases[start::3]) for start in range(3)))

    state = await books(database)
    assert (state.issued_coins, state.balances_coins, state.postings_sum) == (3000, 3000, 0)


async def test_the_books_balance_after_anything(database, hear):
    """Issued = spent + held, held = lots, and every posting sums to zero."""
    story = given(
        steps=st.lists(
            st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(1, 300)),
            min_size=1,
            max_size=40,
        )
    )
    events = []

    def collect(steps):
        for viewer, buys, coins in steps:
            if buys:
                events.append(a_purchase_paid(viewer=viewer, coins=coins, purchase=uuid4()))
            else:
                events.append(a_gift_requested(viewer=viewer, coins=coins, price_coins=coins))

    story(collect)()
    for start in range(0, len(events), 97):
        await hear(*events[start : start + 97])

    state = await books(database)
    assert state.issued_coins == state.spent_coins + state.balances_coins
    assert state.balances_coins == state.lots_coins
    assert state.postings_sum == 0
    assert await rows_of(
        database,
        """SELECT count(*) FROM (
            SELECT user_id, entry FROM postings GROUP BY 1, 2 HAVING sum(amount) <> 0
        ) AS unbalanced""",
    ) == [(0,)]
    assert await rows_of(
        database,
        "SELECT (SELECT sum(coins) FROM slices) = "
        "(SELECT sum(amount) FROM postings WHERE account = '@spent')",
    ) == [(True,)]


async def test_the_sequence_counts_the_decisions_about_one_viewer(database, hear):
    await hear(a_purchase_paid())
    await hear(a_gift_requested(), a_gift_requested(coins=1000), a_gift_requested())

    async with database.transaction() as tx:
        bodies = await tx.execute(
            text("SELECT convert_from(body, 'utf8')::jsonb ->> 'sequence' FROM outbox ORDER BY id")
        )
        assert [int(row[0]) for row in bodies] == [1, 2, 3, 4]


async def test_a_fact_from_the_wrong_publisher_is_parked(database, settings):
    from services.wallet import consumers  # noqa: PLC0415
    from services.wallet.main import read_rules  # noqa: PLC0415
    from tests.deliveries import a_broker  # noqa: PLC0415

    money, _ = consumers.build(
        settings, read_rules(settings.rules_file), database, a_broker("wallet")
    )

    await money.receive([a_delivery(a_purchase_paid(), user="gift"), a_delivery(a_purchase_paid())])

    assert await held_by(database) == 100
    errors = "SELECT headers->>'ovation_error_code' FROM outbox WHERE exchange = 'ovation.dlx'"
    assert await rows_of(database, errors) == [("foreign-publisher",)]
