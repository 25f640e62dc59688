"""A gift is asked for once, however often it is asked for, and answered when it is final."""

import asyncio
from uuid import uuid4

import pytest

from tests.clients import a_token, an_operator_token, client_of, is_replayed
from tests.deliveries import announced
from tests.gift.conftest import paid, refused


async def test_a_gift_that_is_paid_while_the_caller_waits_is_answered_201(ask, wallet_says):
    key = str(uuid4())
    gift = (await ask(key=key)).json()["gift"]
    waiting = asyncio.create_task(ask(key=key, at_once=False))
    await asyncio.sleep(0.2)

    await wallet_says(paid(gift))

    answer = await waiting
    assert (answer.status_code, answer.json()["state"]) == (201, "sent")
    assert answer.json()["coins"] == 5


async def test_a_gift_the_wallet_refuses_is_answered_402_with_what_is_missing(ask, wallet_says):
    key = str(uuid4())
    gift = (await ask(key=key)).json()["gift"]
    await wallet_says(refused(gift))

    for _ in range(2):
        answer = await ask(key=key, at_once=False)
        assert (answer.status_code, answer.json()["code"]) == (402, "insufficient-coins")
        assert answer.json()["shortfall_coins"] == 3
        assert answer.json()["packages"] == "/v1/packages?covering=3"


@pytest.mark.parametrize(("reason", "status"), [("too-late", 409), ("spending-limit", 403)])
async def test_other_refusals_keep_their_meaning(ask, wallet_says, reason, status):
    key = str(uuid4())
    gift = (await ask(key=key)).json()["gift"]
    await wallet_says(refused(gift, reason=reason))

    assert (await ask(key=key)).status_code == status


@pytest.mark.parametrize(("age", "why"), [(17, "too-young"), (None, "age-unknown")])
async def test_gifts_are_given_by_adults_and_an_unknown_age_is_none(app, database, age, why):
    async with client_of(app, a_token("kim", age_verified=age)) as kim:
        body = {"gift_type": "g_tea", "creator": "lea", "room": "room-1"}
        answer = await kim.post("/v1/gifts", json=body, headers={"Idempotency-Key": "k"})

    assert (answer.status_code, answer.json()["code"]) == (403, why)
    assert await announced(database) == []


@pytest.mark.parametrize("why", ["too-young", "age-unknown"])
async def test_what_the_wallet_says_of_an_age_is_told_as_it_is(ask, wallet_says, why):
    """Rules may have changed between the question and the answer."""
    gift = (await ask(key="k")).json()["gift"]
    await wallet_says(refused(gift, reason=why))

    answer = await ask(key="k")

    assert (answer.status_code, answer.json()["code"]) == (403, why)


async def test_a_gift_that_was_asked_for_is_found_again_whatever_the_token_says_now(app, ask):
    gift = (await ask(key="k")).json()["gift"]

    async with client_of(app, a_token("mira", age_verified=None)) as mira:
        body = {"gift_type": "g_tea", "creator": "lea", "room": "room-1"}
        headers = {"Idempotency-Key": "k", "Prefer": "respond-async"}
        again = await mira.post("/v1/gifts", json=body, headers=headers)

    assert (again.status_code, again.json()["gift"]) == (202, gift)
    assert is_replayed(again)


async def test_a_viewer_cannot_take_a_key_of_tencents_callbacks_before_them(ask, database):
    answer = await ask(key="tencent:" + "0" * 64)

    assert (answer.status_code, answer.json()["code"]) == (422, "key-reserved")
    assert await announced(database) == []


async def test_without_an_outcome_the_caller_gets_a_place_to_look(ask, mira):
    answer = await ask()

    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "respond-async"
    looked = await mira.get(answer.headers["location"])
    assert looked.json()["state"] == "requested"


async def test_an_outcome_written_by_another_instance_is_found(ask, wallet_says, pending_replies):
    """Nobody tells this instance; its query does."""
    key = str(uuid4())
    gift = (await ask(key=key)).json()["gift"]
    tell, pending_replies.resolve = pending_replies.resolve, lambda _: None
    await wallet_says(paid(gift))
    pending_replies.resolve = tell
    stopping = asyncio.Event()
    running = asyncio.create_task(pending_replies.run(stopping))

    assert (await ask(key=key, at_once=False)).status_code == 201
    stopping.set()
    await running


async def test_the_same_key_ten_times_at_once_is_one_gift(ask, database):
    key = str(uuid4())

    answers = await asyncio.gather(*(ask(key=key) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["gift"] for answer in answers}) == 1
    assert len(await announced(database, "gift.requested")) == 1


async def test_a_reused_key_fails_alone_in_its_batch(ask, database):
    key = str(uuid4())
    await ask(key=key)

    answers = await asyncio.gather(ask(key=key, count=2), *(ask() for _ in range(20)))

    assert [answer.status_code for answer in answers] == [422, *[202] * 20]
    assert answers[0].json()["code"] == "key-reused"
    assert len(await announced(database, "gift.requested")) == 21


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"gift_type": "g_moonshot"}, 404, "unknown-gift"),
        ({"creator": "mira"}, 422, "gift-to-self"),
        ({"gift_type": "g_citadel", "count": 11}, 422, "count-too-large"),
        ({"expected_price_coins": 4}, 409, "price-changed"),
        ({"count": 0}, 422, "invalid-request"),
        ({"message": "x" * 81}, 422, "invalid-request"),
    ],
)
async def test_a_wish_that_cannot_be_is_refused_and_not_remembered(
    ask, database, body, status, code
):
    answer = await ask(**body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await announced(database) == []


async def test_gifts_are_read_page_by_page_by_their_viewer_alone(ask, mira, app):
    gifts = [(await ask(count=number)).json()["gift"] for number in range(1, 6)]

    first = (await mira.get("/v1/gifts", params={"limit": 3})).json()
    rest = (await mira.get("/v1/gifts", params={"cursor": first["next_cursor"]})).json()

    assert [gift["gift"] for gift in first["items"] + rest["items"]] == gifts[::-1]
    async with client_of(app, a_token("otto")) as otto:
        assert (await otto.get("/v1/gifts")).json()["items"] == []
        assert (await otto.get(f"/v1/gifts/{gifts[0]}")).status_code == 404


async def test_the_books_count_what_stands_where(ask, app, wallet_says):
    gifts = [(await ask()).json()["gift"] for _ in range(3)]
    await wallet_says(paid(gifts[0]), refused(gifts[1]))

    async with client_of(app, an_operator_token("books:read")) as operator:
        books = (await operator.get("/v1/operator/gift/books")).json()

    assert books == {
        "requested": 1,
        "sent": 1,
        "refused": 1,
        "coins_sent": 5,
        "coins_reversed": 0,
    }
