"""What a new installation starts with: whole numbers, nothing twice, nothing left out."""

import tomllib
from pathlib import Path

import pytest

SEEDS = Path(__file__).parents[2] / "seeds"
CURRENCIES = {"USD", "EUR", "GBP", "JPY", "BRL", "INR"}
LANGUAGES = {"en", "de", "es", "pt", "ja"}
CATEGORIES = {"popular", "cute", "music", "luxury", "season"}


def read(name):
    return tomllib.loads((SEEDS / f"{name}.toml").read_text(encoding="utf-8"))


def numbers(value):
    """Every number anywhere inside; a truth value is none."""
    if isinstance(value, dict):
        return [number for inner in value.values() for number in numbers(inner)]
    if isinstance(value, list):
        return [number for inner in value for number in numbers(inner)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


@pytest.fixture
def packages():
    return read("packages")["packages"]


@pytest.fixture
def gifts():
    return read("gifts")["gifts"]


@pytest.mark.parametrize("name", ["packages", "gifts", "rules", "people"])
def test_every_number_is_a_whole_one_and_none_is_negative(name):
    found = numbers(read(name))

    assert found
    assert all(type(number) is int and number >= 0 for number in found)


def test_seven_packages_each_named_after_its_coins_and_priced_in_every_currency(packages):
    assert len({package["sku"] for package in packages}) == len(packages) == 7
    for package in packages:
        assert package["sku"] == f"coins_{package['coins']}"
        assert set(package["prices"]) == CURRENCIES
        assert package["bonus_coins"] == 0
        assert package["enabled"] is True
    assert [package["sku"] for package in packages if package["highlight"]] == ["coins_500"]


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
def test_a_larger_package_costs_more_and_no_price_appears_twice(packages, currency):
    by_coins = sorted(packages, key=lambda package: package["coins"])
    prices = [package["prices"][currency] for package in by_coins]

    assert prices == sorted(set(prices))


def test_every_currency_is_of_some_country_and_every_euro_country_pays_in_euros():
    currencies = read("packages")["currencies"]

    assert currencies["default"] == ["USD"]
    assert {*currencies["default"], *currencies["countries"]} == CURRENCIES
    listed = [country for where in currencies["countries"].values() for country in where]
    assert len(listed) == len(set(listed))
    assert set(read("rules")["refunds"]["eea_members"]) <= set(currencies["countries"]["EUR"])


def test_any_number_of_coins_can_be_bought_for_a_cent_each():
    custom = read("packages")["custom"]

    assert (custom["coins_min"], custom["coins_max"]) == (50, 25_000)
    assert custom["minor_per_1000_coins"]["USD"] == 1_000
    assert custom["amount_minor_min"]["USD"] == 50
    assert set(custom["minor_per_1000_coins"]) == set(custom["amount_minor_min"]) == CURRENCIES


def test_no_two_gifts_share_a_place_or_a_name_in_any_language(gifts):
    assert len({gift["sort"] for gift in gifts}) == len(gifts)
    for language in LANGUAGES:
        assert len({gift["names"][language] for gift in gifts}) == len(gifts), language


def test_every_gift_says_all_that_an_app_needs(gifts):
    for gift in gifts:
        assert set(gift["names"]) == LANGUAGES, gift["id"]
        assert all(gift["names"].values()), gift["id"]
        assert gift["description"]["en"] not in ("", gift["names"]["en"]), gift["id"]
        assert gift["category"] in CATEGORIES, gift["id"]
        assert gift["price_version"] == 1
        assert gift["is_active"] is True


def test_one_gift_is_for_fans_one_for_a_level_and_the_rest_for_everyone(gifts):
    locked = {gift["id"]: gift["locks"] for gift in gifts if gift.get("locks")}

    assert locked == {
        "g_gnome": {"fan_only": True},
        "g_observatory": {"gifter_level_min": 10},
    }


def test_only_streaks_are_sent_in_batches_and_no_batch_is_too_large(gifts):
    for gift in gifts:
        assert gift["type"] in ("streak", "single")
        counts = gift["batch_counts"]
        assert counts == sorted(set(counts))
        assert counts[0] == 1
        assert counts[-1] <= gift["max_count_per_send"] <= 999
        assert (counts == [1]) == (gift["type"] == "single"), gift["id"]


def test_the_rules_are_the_documented_defaults():
    """An active line that no service reads would be a number that only seems to count."""
    rules = read("rules")
    eea = rules["refunds"].pop("eea_members")
    calendars = rules["refunds"].pop("calendars")

    assert (len(eea), len(set(eea))) == (30, 30)
    assert set(calendars) == {*eea, "GB", "CH", "BR", "KR"}
    assert rules == {
        "diamonds": {"rate_version": 1, "currency": "USD", "value_minor_per_1000": 500},
        "payouts": {
            "minimum_diamonds": 2_000,
            "maximum_minor_per_day": 100_000,
            "fee_minor": 0,
            "quote_seconds": 600,
            "clawback_available": True,
            "time_zone": "UTC",
            "payee_rest_hours": 72,
            "first_payout_review": False,
            "quotes_per_hour": 60,
            "payee_changes_per_day": 5,
        },
        "maturity": {
            "days": 7,
            "new_creator_days": 14,
            "new_creator_until_days": 90,
            "new_creator_until_minor": 50_000,
            "funding_risk_days": 14,
        },
        "refunds": {"days": {"web": {"EEA": 14, "GB": 14, "CH": 14, "BR": 7, "KR": 7}}},
        "purchases": {"open_max": 10, "per_day_max": 200, "refund_requests_per_day_max": 20},
        "spending_limits": {
            "gift_coins_per_day": 50_000,
            "raise_after_hours": 24,
            "time_zone": "UTC",
        },
        "age": {
            "minimum_years": 18,
            "minimum_years_in": {},
            "unknown": "refuse",
            "minor_coins_per_day": 0,
        },
        "exchange_rates": rules["exchange_rates"],
    }


def test_the_people_are_of_age_and_none_has_two_roles():
    people = read("people")
    everyone = [person for group in people.values() for person in group]

    assert set(people) == {"viewers", "creators", "operators"}
    assert len({person["id"] for person in everyone}) == len(everyone)
    for person in people["viewers"] + people["creators"]:
        assert person["age_verified"] >= 18
        assert len(person["country"]) == 2
