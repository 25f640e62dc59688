"""What a gift is offered for, and to whom: its price, its locks, and what a repeat finds."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.contracts.live import LevelReached
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.gift.conftest import paid


async def test_a_changed_price_is_told_before_anything_is_asked_for(ask, change):
    await change("g_tea", price_coins=6)

    answer = await ask(expected_price_coins=5)

    assert (answer.status_code, answer.json()["code"]) == (409, "price-changed")
    assert (answer.json()["price_coins"], answer.json()["price_version"]) == (6, 2)
    assert (await ask(expected_price_coins=6)).json()["coins"] == 6


@pytest.mark.parametrize(
    "changed",
    [{"price_coins": 6}, {"is_active": False}, {"locks": {"countries": ["JP"]}}, {"count_max": 1}],
    ids=str,
)
async def test_a_repeat_finds_its_gift_whatever_changed_since(ask, change, wallet_says, changed):
    """A client that lost the answer must learn what became of its gift, and not be told no."""
    key = str(uuid4())
    body = {"key": key, "count": 2, "expected_price_coins": 5}
    gift = (await ask(**body)).json()["gift"]
    if "count_max" in changed:
        changed = {**changed, "batch_counts": [1]}
    assert (await change("g_tea", **changed)).status_code == 200

    assert (await ask(**body)).json()["gift"] == gift
    await wallet_says(paid(gift, coins=10))
    again = await ask(**body, at_once=False)
    assert (again.status_code, again.json()["coins"]) == (201, 10)
    other = await ask(**{**body, "count": 3})
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    assert (await ask(count=2, expected_price_coins=5)).status_code in (403, 404, 409, 422)


async def test_a_gift_that_is_switched_off_is_not_shown_and_not_sent(ask, change, mira):
    await change("g_tea", is_active=False)

    assert (await ask()).json()["code"] == "unknown-gift"
    shown = (await mira.get("/v1/catalogue")).json()["items"]
    assert "g_tea" not in [item["gift_type"] for item in shown]


async def test_a_legend_needs_to_be_confirmed_under_the_same_key(ask):
    key = str(uuid4())
    asked = await ask(key=key, gift_type="g_crown")
    assert (asked.status_code, asked.json()["code"]) == (422, "confirmation-required")
    assert asked.json()["price_coins"] == 30_000

    confirmed = await ask(key=key, gift_type="g_crown", confirm=True)
    assert confirmed.status_code == 202
    assert (await ask(key=key, gift_type="g_crown")).json()["gift"] == confirmed.json()["gift"]


def at(**distance):
    return (datetime.now(UTC) + timedelta(**distance)).isoformat()


@pytest.mark.parametrize(
    ("locks", "fact"),
    [
        (lambda: {"available_from": at(days=1)}, "available_from"),
        (lambda: {"available_until": at(days=-1)}, "available_until"),
        (lambda: {"countries": ["JP", "KR"]}, "countries"),
    ],
    ids=["early", "late", "abroad"],
)
async def test_a_lock_of_time_or_place_says_what_would_have_to_be_so(
    ask, change, mira, locks, fact
):
    await change("g_tea", locks=locks())

    answer = await ask()

    assert (answer.status_code, answer.json()["code"]) == (403, "gift-locked")
    assert answer.json()["lock"] == fact
    assert answer.json()[fact]
    (tea,) = [
        item
        for item in (await mira.get("/v1/catalogue")).json()["items"]
        if item["gift_type"] == "g_tea"
    ]
    assert tea["available"] is False


async def test_a_lock_opens_for_those_it_is_for(change, app):
    await change("g_tea", locks={"countries": ["JP"], "available_until": at(days=1)})

    async with client_of(app, a_token("aiko", country="JP")) as aiko:
        body = {"gift_type": "g_tea", "creator": "lea"}
        headers = {"Idempotency-Key": "1", "Prefer": "respond-async"}
        answer = await aiko.post("/v1/gifts", json=body, headers=headers)

    assert answer.status_code == 202


async def test_a_gift_of_fans_is_for_those_who_sent_the_fan_gift(ask, change, wallet_says):
    await change("g_tea", locks={"fan_only": True})
    pebble = (await ask(gift_type="g_pebble")).json()["gift"]
    locked = await ask()
    assert (locked.json()["code"], locked.json()["lock"]) == ("gift-locked", "fan_only")
    assert locked.json()["fan_gift"] == "g_pebble"

    await wallet_says(paid(pebble, coins=1))

    assert (await ask()).status_code == 202
    assert (await ask(creator="otto")).status_code == 403


def reached(level, revision, viewer="mira"):
    return LevelReached(
        viewer=viewer, revision=revision, level=level, previous_level=0, given_coins=level
    )


async def test_a_gift_of_a_level_is_for_those_who_have_it_now(ask, change, hear):
    await change("g_tea", locks={"gifter_level_min": 10})
    locked = await ask()
    assert (locked.status_code, locked.json()["gifter_level_min"]) == (403, 10)
    assert locked.json()["level"] == 0

    await hear(reached(9, 1), reached(10, 2), reached(20, 1, viewer="otto"))
    assert (await ask()).status_code == 202
    await hear(reached(12, 4))
    await hear(reached(3, 3))
    assert (await ask()).status_code == 202
    await hear(reached(9, 5))
    assert (await ask()).json()["level"] == 9


async def test_the_path_of_a_gift_asks_nothing_about_the_catalogue(ask, database, catalogue_cache):
    """Even with the tables gone a gift is priced: what is on offer is in memory."""
    await ask()
    async with database.reference.transaction() as tx:
        await tx.execute(text("UPDATE catalogue SET revision = revision + 1"))

    assert (await catalogue_cache.current()).revision == 1
    assert (await ask()).status_code == 202
