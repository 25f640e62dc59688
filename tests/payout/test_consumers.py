"""Gifts become diamonds of their creators, once."""

import asyncio

from shared.postgres.statements import text
from tests.clients import an_operator_token, client_of
from tests.deliveries import announced, forget_inbox
from tests.payout.conftest import a_gift_sent


async def available(lea):
    return (await lea.get("/v1/earnings/me")).json()["available_diamonds"]


async def test_a_gift_heard_again_and_again_is_booked_once(lea, hear, database):
    gift = a_gift_sent(100)

    await hear(gift, gift)
    await forget_inbox(database)
    await hear(gift)

    assert await available(lea) == 100
    (earned,) = await announced(database, "payout.diamonds_earned")
    assert (earned["diamonds"], earned["balance_diamonds"]) == (100, 100)


async def test_coins_that_are_worth_nothing_are_announced_all_the_same(lea, hear, database):
    await hear(a_gift_sent(100, rate_bp=0), a_gift_sent(33, rate_bp=5_000))

    assert await available(lea) == 16
    earned = await announced(database, "payout.diamonds_earned")
    assert [fact["diamonds"] for fact in earned] == [0, 16]


async def test_the_same_gift_with_other_contents_is_parked_alone(lea, hear, database):
    gift, other = a_gift_sent(100), a_gift_sent(50)
    await hear(gift)
    await forget_inbox(database)

    await hear(type(gift)(**{**gift.model_dump(), "viewer": "forger"}), other)

    assert await available(lea) == 150
    async with database.transaction() as tx:
        dead = text("SELECT headers->>'ovation_error_code' FROM outbox WHERE exchange LIKE '%dlx'")
        assert (await tx.execute(dead)).scalar_one() == "cause-reused"


async def test_a_creator_everybody_gives_to_loses_nothing(lea, hear):
    batches = [[a_gift_sent(10) for _ in range(40)] for _ in range(6)]

    await asyncio.gather(*(hear(*batch) for batch in batches))

    assert await available(lea) == 2_400
    async with client_of(lea.app, an_operator_token("books:read")) as operator:
        books = (await operator.get("/v1/operator/payout/books")).json()
    assert books["diamonds_earned"] == books["diamonds_available"] == books["coins_of_gifts"]
    assert (books["gifts"], books["postings_sum"]) == (240, 0)


async def test_a_creator_sees_which_gift_brought_what(lea, hear):
    await hear(*(a_gift_sent(coins) for coins in (1, 2, 3)))

    first = (await lea.get("/v1/earnings/me/gifts", params={"limit": 2})).json()
    rest = (await lea.get("/v1/earnings/me/gifts", params={"cursor": first["next_cursor"]})).json()

    assert [gift["diamonds"] for gift in first["items"] + rest["items"]] == [3, 2, 1]
    assert (await lea.get("/v1/earnings/otto")).status_code == 403


async def shown_viewers(lea):
    return [gift["viewer"] for gift in (await lea.get("/v1/earnings/me/gifts")).json()["items"]]


async def test_a_creator_does_not_learn_who_gave_anonymously_and_an_operator_does(lea, hear):
    hidden, open_gift = a_gift_sent(2, anonymous=True), a_gift_sent(1)
    await hear(open_gift, hidden)

    assert await shown_viewers(lea) == [None, "mira"]
    async with client_of(lea.app, an_operator_token("disputes:read")) as operator:
        path = f"/v1/operator/payouts/lea/earnings?gift={hidden.gift}"
        (seen,) = (await operator.get(path)).json()["items"]
    assert seen["viewer"] == "mira"
