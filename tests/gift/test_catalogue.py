"""The catalogue is the database's: seeded once, changed by operators, seen by every instance."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.gift.commands.offering import LOOK_EVERY_SECONDS, Shelf
from services.gift.main import read_catalogue
from shared.contracts.live import LevelReached
from tests.clients import a_token, an_operator_token, client_of
from tests.deliveries import announced
from tests.gift.conftest import CATALOGUE, paid

BASE = "/v1/operator/gifts/catalogue"
NEW = {
    "gift_type": "g_comet",
    "names": {"en": "Small Comet", "de": "Kleiner Komet"},
    "descriptions": {"en": "a comet passes"},
    "price_coins": 120,
    "mode": "streak",
    "category": "season",
    "batch_counts": [1, 5],
    "count_max": 99,
    "sort": 125,
    "reason": "the season begins",
}


@pytest.fixture
async def operator(app):
    token = an_operator_token("catalogue:write", "audit:read")
    async with client_of(app, token) as client:
        yield client


@pytest.fixture
def change(operator):
    """Change some of a gift, as an operator who just looked at it."""

    async def patch(gift_type, *, preview=False, revision=None, **fields):
        if revision is None:
            revision = (await operator.get(f"{BASE}/{gift_type}")).json()["revision"]
        # As strangers may write it: with what is no JSON, and with halves of characters.
        body = json.dumps({"revision": revision, "reason": "a test", **fields})
        headers = {"Content-Type": "application/json"}
        return await operator.patch(
            f"{BASE}/{gift_type}", content=body, headers=headers, params={"preview": preview}
        )

    return patch


async def test_an_empty_installation_offers_the_thirty_three_gifts_of_its_seeds(mira):
    items = (await mira.get("/v1/catalogue")).json()["items"]

    assert len(items) == 33
    assert items[0] == {
        "gift_type": "g_pebble",
        "revision": 1,
        "name": "Pebble Heart",
        "description": "a small stone heart",
        "price_coins": 1,
        "price_version": 1,
        "tier": "spark",
        "mode": "streak",
        "category": "popular",
        "batch_counts": [1, 5, 10, 50, 99],
        "count_max": 999,
        "confirmation_required": False,
        "available": True,
        "locks": {
            "fan_only": False,
            "fan_gift": None,
            "gifter_level_min": None,
            "available_from": None,
            "available_until": None,
            "countries": [],
        },
        "icon_url": "/static/gifts/g_pebble.svg",
        "animations": [
            {
                "format": "svg",
                "url": "/static/gifts/g_pebble.svg",
                "duration_ms": 1_000,
                "width": 64,
                "height": 64,
            }
        ],
        "extension": {},
    }
    legends = [item["gift_type"] for item in items if item["confirmation_required"]]
    assert legends == ["g_citadel", "g_crown"]


async def test_several_instances_seed_once_and_overwrite_nothing(database, change, operator):
    await change("g_tea", price_coins=6)

    shelves = [Shelf(database, CATALOGUE) for _ in range(4)]
    seen = await asyncio.gather(*(shelf.current() for shelf in shelves))

    assert {catalogue.find("g_tea").price_coins for catalogue in seen} == {6}
    prices = (await operator.get(f"{BASE}/g_pebble/prices")).json()["items"]
    assert [price["operator"] for price in prices] == ["seeds"]
    assert await announced(database, "gift.catalogue_changed") != []


async def test_four_instances_that_start_at_once_seed_once(database):
    shelves = [Shelf(database, CATALOGUE) for _ in range(4)]

    seen = await asyncio.gather(*(shelf.current() for shelf in shelves))

    assert {(len(each.gift_types), each.revision) for each in seen} == {(33, 1)}


async def test_another_instance_notices_a_change_within_a_second(database, change):
    other = Shelf(database, CATALOGUE)
    await other.current()
    stopping = asyncio.Event()
    running = asyncio.create_task(other.run(stopping))
    await change("g_tea", price_coins=7)
    await asyncio.sleep(2 * LOOK_EVERY_SECONDS - 0.1)

    assert (await other.current()).find("g_tea").price_coins == 7
    stopping.set()
    await running


@pytest.mark.parametrize(
    ("language", "name"),
    [("de", "Warmer Tee"), ("de-AT", "Warmer Tee"), ("fi", "Warm Tea"), ("en", "Warm Tea")],
)
async def test_names_are_in_the_language_asked_for_or_the_next_best(mira, language, name):
    view = (await mira.get("/v1/catalogue", params={"language": language})).json()

    (tea,) = [item for item in view["items"] if item["gift_type"] == "g_tea"]
    assert (tea["name"], view["language"]) == (name, language)


async def test_an_unchanged_catalogue_is_not_sent_again(mira, change):
    first = await mira.get("/v1/catalogue")
    tag = {"If-None-Match": first.headers["etag"]}

    again = await mira.get("/v1/catalogue", headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "private, no-cache"
    await change("g_tea", price_coins=6)
    assert (await mira.get("/v1/catalogue", headers=tag)).status_code == 200


async def test_a_new_gift_is_tried_out_then_added_then_given(operator, ask, database):
    tried = await operator.post(BASE, json=NEW, params={"preview": True})
    assert (tried.status_code, tried.json()["preview"]) == (200, True)
    assert tried.json()["shown"]["name"] == "Small Comet"
    assert tried.json()["shown"]["tier"] == "burst"
    assert (await operator.get(f"{BASE}/g_comet")).status_code == 404

    added = await operator.post(BASE, json=NEW)

    assert added.status_code == 201
    gift = await ask(gift_type="g_comet", count=5)
    assert gift.json()["coins"] == 600
    (fact,) = await announced(database, "gift.catalogue_changed")
    assert (fact["gift_type"], fact["revision"], fact["price_coins"]) == ("g_comet", 1, 120)
    again = await operator.post(BASE, json=NEW)
    assert (again.status_code, again.json()["type"]) == (409, "gift-type-taken")


async def test_a_price_has_a_history_and_a_change_an_author(operator, change, database):
    answer = (await change("g_tea", price_coins=6, names={"en": "Hot Tea"})).json()

    assert (answer["entry"]["price_version"], answer["entry"]["revision"]) == (2, 2)
    assert {each["field"]: each["after"] for each in answer["changes"]} == {
        "price_coins": 6,
        "names": {"en": "Hot Tea"},
    }
    prices = (await operator.get(f"{BASE}/g_tea/prices")).json()["items"]
    assert [(p["version"], p["price_coins"], p["operator"]) for p in prices] == [
        (2, 6, "ops"),
        (1, 5, "seeds"),
    ]
    (line,) = (await operator.get("/v1/operator/gift/audit")).json()["items"]
    assert (line["action"], line["user"], line["reason"]) == (
        "catalogue.changed",
        "g_tea",
        "a test",
    )
    (fact,) = await announced(database, "gift.catalogue_changed")
    assert (fact["price_version"], fact["names"]["en"]) == (2, "Hot Tea")


async def test_a_preview_changes_nothing_and_warns(operator, change, database):
    answer = (await change("g_cookie", preview=True, price_coins=100, is_active=False)).json()

    assert answer["preview"] is True
    assert [each["field"] for each in answer["changes"]] == ["price_coins", "is_active"]
    assert len(answer["warnings"]) == 2
    assert "from glow to burst" in answer["warnings"][0]
    assert (await operator.get(f"{BASE}/g_cookie")).json()["price_coins"] == 99
    assert await announced(database) == []
    assert (await operator.get("/v1/operator/gift/audit")).json()["items"] == []


async def test_what_changes_nothing_is_no_change(change, database):
    answer = (await change("g_tea", price_coins=5)).json()

    assert (answer["changes"], answer["entry"]["revision"]) == ([], 1)
    assert await announced(database) == []


async def test_of_two_operators_at_once_the_second_looks_again(change):
    first = await change("g_tea", price_coins=6, revision=1)
    second = await change("g_tea", price_coins=7, revision=1)

    assert first.status_code == 200
    assert (second.status_code, second.json()["type"]) == (409, "revision-outdated")
    assert second.json()["revision"] == 2


async def test_a_whole_entry_goes_back_as_it_came(operator):
    entry = (await operator.get(f"{BASE}/g_owl")).json()
    body = {k: v for k, v in entry.items() if k not in ("gift_type", "price_version")}

    same = await operator.put(f"{BASE}/g_owl", json={**body, "reason": "none"})
    assert (same.status_code, same.json()["changes"]) == (200, [])
    dearer = await operator.put(f"{BASE}/g_owl", json={**body, "price_coins": 1_000, "reason": "?"})
    assert (dearer.status_code, dearer.json()["type"]) == (422, "tier-mismatch")
    assert dearer.json()["tier"] == "spectacle"


@pytest.mark.parametrize(
    "wrong",
    [
        {"price_coins": 0},
        {"price_coins": 1.5},
        {"names": {"de": "Tee"}},
        {"batch_counts": [5, 1]},
        {"batch_counts": [1, 1_000]},
        {"mode": "single"},
        {"mode": "sometimes"},
        {"icon_url": "javascript:alert(1)"},
        {"locks": {"available_from": "2026-01-02T00:00Z", "available_until": "2026-01-01T00:00Z"}},
        {"locks": {"countries": ["Germany"]}},
        {"extension": {"much": "x" * 5_000}},
        {"extension": {"nul": ["\0"]}},
        {"extension": {"half \ud800": 1}},
        {"extension": {"more than all": float("inf")}},
        {"icon_url": "/tea\x1e"},
        {"animations": [{"format": "svg", "url": "/\0", "duration_ms": 1}]},
        {"is_active": 1},
        {"locks": {"available_from": 0}},
        {"colour": "red"},
    ],
    ids=str,
)
async def test_nonsense_is_not_put_on_offer(change, operator, wrong):
    answer = await change("g_tea", **wrong)

    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-request")
    assert (await operator.get(f"{BASE}/g_tea")).json()["revision"] == 1


@pytest.mark.parametrize("token", [a_token("mira"), an_operator_token("books:read")])
async def test_only_operators_with_the_scope_see_or_change_it(app, token):
    async with client_of(app, token) as client:
        answers = [
            await client.get(BASE),
            await client.get(f"{BASE}/g_tea"),
            await client.get(f"{BASE}/g_tea/prices"),
            await client.post(BASE, json=NEW),
            await client.patch(f"{BASE}/g_tea", json={"revision": 1, "reason": "?"}),
        ]

    assert {answer.json()["type"] for answer in answers} == {"scope-missing"}


async def test_a_changed_price_is_told_before_anything_is_asked_for(ask, change):
    await change("g_tea", price_coins=6)

    answer = await ask(expected_price_coins=5)

    assert (answer.status_code, answer.json()["type"]) == (409, "price-changed")
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
    wish = {"key": key, "count": 2, "expected_price_coins": 5}
    gift = (await ask(**wish)).json()["gift"]
    if "count_max" in changed:
        changed = {**changed, "batch_counts": [1]}
    assert (await change("g_tea", **changed)).status_code == 200

    assert (await ask(**wish)).json()["gift"] == gift
    await wallet_says(paid(gift, coins=10))
    again = await ask(**wish, at_once=False)
    assert (again.status_code, again.json()["coins"]) == (201, 10)
    other = await ask(**{**wish, "count": 3})
    assert (other.status_code, other.json()["type"]) == (422, "key-reused")
    assert (await ask(count=2, expected_price_coins=5)).status_code in (403, 404, 409, 422)


async def test_a_gift_that_is_switched_off_is_not_shown_and_not_sent(ask, change, mira):
    await change("g_tea", is_active=False)

    assert (await ask()).json()["type"] == "unknown-gift"
    shown = (await mira.get("/v1/catalogue")).json()["items"]
    assert "g_tea" not in [item["gift_type"] for item in shown]


async def test_a_legend_needs_to_be_confirmed_under_the_same_key(ask):
    key = str(uuid4())
    asked = await ask(key=key, gift_type="g_crown")
    assert (asked.status_code, asked.json()["type"]) == (422, "confirmation-required")
    assert asked.json()["price_coins"] == 30_000

    confirmed = await ask(key=key, gift_type="g_crown", confirm=True)
    assert confirmed.status_code == 202
    assert (await ask(key=key, gift_type="g_crown")).json()["gift"] == confirmed.json()["gift"]


def at(**distance):
    return (datetime.now(UTC) + timedelta(**distance)).isoformat()


@pytest.mark.parametrize(
    ("locks", "fact"),
    [
        ({"available_from": at(days=1)}, "available_from"),
        ({"available_until": at(days=-1)}, "available_until"),
        ({"countries": ["JP", "KR"]}, "countries"),
    ],
    ids=["early", "late", "abroad"],
)
async def test_a_lock_of_time_or_place_says_what_would_have_to_be_so(
    ask, change, mira, locks, fact
):
    await change("g_tea", locks=locks)

    answer = await ask()

    assert (answer.status_code, answer.json()["type"]) == (403, "gift-locked")
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
        wish = {"gift_type": "g_tea", "creator": "lea"}
        headers = {"Idempotency-Key": "1", "Prefer": "respond-async"}
        answer = await aiko.post("/v1/gifts", json=wish, headers=headers)

    assert answer.status_code == 202


async def test_a_gift_of_fans_is_for_those_who_sent_the_fan_gift(ask, change, wallet_says):
    await change("g_tea", locks={"fan_only": True})
    pebble = (await ask(gift_type="g_pebble")).json()["gift"]
    locked = await ask()
    assert (locked.json()["type"], locked.json()["lock"]) == ("gift-locked", "fan_only")
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


async def test_the_path_of_a_gift_asks_nothing_about_the_catalogue(ask, database, shelf):
    """Even with the tables gone a gift is priced: what is on offer is in memory."""
    await ask()
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE catalogue SET revision = revision + 1"))

    assert (await shelf.current()).revision == 1
    assert (await ask()).status_code == 202


@pytest.mark.parametrize(
    "mistake", ["price_coins = 0", 'tier = "glow"', 'type = "sometimes"', 'id = "g_pebble"']
)
def test_a_mistake_in_the_seeds_stops_the_service(tmp_path, mistake):
    lines = Path("seeds/gifts.toml").read_text(encoding="utf-8").split("[[gifts]]")
    name = mistake.partition(" ")[0]
    second = "\n".join(
        mistake if line.startswith(f"{name} =") else line for line in lines[2].splitlines()
    )
    path = tmp_path / "gifts.toml"
    path.write_text("[[gifts]]".join([lines[0], lines[1], second + "\n", *lines[3:]]))

    with pytest.raises(AssertionError):
        read_catalogue(path)
