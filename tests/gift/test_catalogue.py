"""The catalogue is the database's: seeded once, changed by operators, seen by every instance."""

import asyncio
from pathlib import Path

import pytest

from services.gift.api.catalogue import render_items
from services.gift.commands.catalogue import REFRESH_EVERY_SECONDS, CatalogueCache
from services.gift.main import read_catalogue
from tests.clients import a_token, client_of
from tests.deliveries import announced
from tests.gift.conftest import BASE, CATALOGUE

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
        "price_display": None,
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

    caches = [CatalogueCache(database, CATALOGUE) for _ in range(4)]
    seen = await asyncio.gather(*(catalogue_cache.current() for catalogue_cache in caches))

    assert {catalogue.find("g_tea").price_coins for catalogue in seen} == {6}
    prices = (await operator.get(f"{BASE}/g_pebble/prices")).json()["items"]
    assert [price["operator"] for price in prices] == ["seeds"]
    assert await announced(database, "gift.catalogue_changed") != []


async def test_four_instances_that_start_at_once_seed_once(database):
    caches = [CatalogueCache(database, CATALOGUE) for _ in range(4)]

    seen = await asyncio.gather(*(catalogue_cache.current() for catalogue_cache in caches))

    assert {(len(each.gift_types), each.revision) for each in seen} == {(33, 1)}


async def test_another_instance_notices_a_change_within_a_second(database, change):
    other = CatalogueCache(database, CATALOGUE)
    await other.current()
    stopping = asyncio.Event()
    running = asyncio.create_task(other.run(stopping))
    await change("g_tea", price_coins=7)
    await asyncio.sleep(2 * REFRESH_EVERY_SECONDS - 0.1)

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


async def test_languages_that_callers_make_up_take_no_memory(mira):
    await mira.get("/v1/catalogue")
    before = render_items.cache_info().currsize

    made_up = ("fi", "fi-FI", *(f"xx-{number:04d}" for number in range(20)))
    answers = [await mira.get("/v1/catalogue", params={"language": each}) for each in made_up]

    assert render_items.cache_info().currsize == before
    assert [answer.json()["language"] for answer in answers] == list(made_up)
    assert len({answer.headers["etag"] for answer in answers}) == len(made_up)


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
    assert (again.status_code, again.json()["code"]) == (409, "gift-type-taken")


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
    assert (second.status_code, second.json()["code"]) == (409, "revision-outdated")
    assert second.json()["revision"] == 2


async def test_a_whole_entry_goes_back_as_it_came(operator):
    entry = (await operator.get(f"{BASE}/g_owl")).json()
    body = {k: v for k, v in entry.items() if k not in ("gift_type", "price_version")}

    same = await operator.put(f"{BASE}/g_owl", json={**body, "reason": "none"})
    assert (same.status_code, same.json()["changes"]) == (200, [])
    dearer = await operator.put(f"{BASE}/g_owl", json={**body, "price_coins": 1_000, "reason": "?"})
    assert (dearer.status_code, dearer.json()["code"]) == (422, "tier-mismatch")
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

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert (await operator.get(f"{BASE}/g_tea")).json()["revision"] == 1


@pytest.mark.parametrize("claims", [{}, {"roles": ["operator"], "scope": "books:read"}])
async def test_only_operators_with_the_scope_see_or_change_it(app, claims):
    async with client_of(app, a_token("mira", **claims)) as client:
        answers = [
            await client.get(BASE),
            await client.get(f"{BASE}/g_tea"),
            await client.get(f"{BASE}/g_tea/prices"),
            await client.post(BASE, json=NEW),
            await client.patch(f"{BASE}/g_tea", json={"revision": 1, "reason": "?"}),
        ]

    assert {answer.json()["code"] for answer in answers} == {"scope-missing"}


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
