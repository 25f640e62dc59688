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


@pytest.mark.parametrize("name", ["packages", "gifts", "rules", "fraud", "people"])
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


PAYEES = {
    "verification_required": False,
    "tax_form_required": False,
    "screening_required": False,
    "login_minutes_max": 15,
    "onboarding_links_per_hour": 20,
}
PROMOTIONS = {
    "enabled": False,
    "first_purchase_percent": 10,
    "bonus_coins": {
        "coins_300": 5,
        "coins_500": 10,
        "coins_1000": 25,
        "coins_2000": 80,
        "coins_5000": 250,
        "coins_10000": 600,
    },
}
PURCHASE_RULES = {
    "currency": "USD",
    "countries_allowed": [],
    "countries_denied": [],
    "purchases_per_minute_max": 5,
    "fraud_warning_days": 14,
    "open_dispute_locks": False,
    "money": {
        "new_account_days": 7,
        "unknown_account": "new",
        "new_minor_per_day": 10_000,
        "minor_per_day": 50_000,
        "minor_per_7_days": 200_000,
        "minor_per_30_days": 500_000,
    },
    "card_testing": {"hours": 24, "small_minor": 500, "unpaid_max": 8, "failed_max": 5},
    "repeat_refunds": {"days": 90, "purchases_max": 5},
}
PAYOUTS = {
    "minimum_diamonds": 2_000,
    "maximum_minor_per_day": 100_000,
    "maximum_minor_per_7_days": 500_000,
    "requests_per_day_max": 5,
    "quote_seconds": 600,
    "clawback_available": True,
    "time_zone": "UTC",
    "payee_rest_hours": 72,
    "first_payout_review": False,
    "quotes_per_hour": 60,
    "payee_changes_per_day": 5,
}
PAYOUT_REVIEWS = {
    "above_minor": 50_000,
    "dual_above_minor": 75_000,
    "warning_days": 30,
    "reversed_coins_min": 5_000,
    "reversed_days": 30,
    "business_days": 5,
    "promised_days": 15,
    "appeal_days": 180,
}


def test_the_rules_are_the_documented_defaults():
    """An active line that no service reads would be a number that only seems to count."""
    rules = read("rules")
    eea = rules["refunds"].pop("eea_members")
    calendars = rules["refunds"].pop("calendars")
    purchase_rules, promotions = rules.pop("purchase_rules"), rules.pop("promotions")
    purchase_rules.pop("equal_minor")
    assert rules["payout_exchange"].pop("versions")

    assert rules.pop("payees") == PAYEES
    assert purchase_rules == PURCHASE_RULES
    assert promotions == PROMOTIONS
    assert (len(eea), len(set(eea))) == (30, 30)
    assert set(calendars) == {*eea, "GB", "CH", "BR", "KR"}
    assert rules == {
        "archive": {"after_days": 550, "dispute_days": 540, "keep_years": 10},
        "payouts": PAYOUTS,
        "erasure": {"login_minutes_max": 15},
        "payout_fees": {
            "pass_through": False,
            "providers": {"sandbox": {"percent_bp": 25, "fixed_minor": 25, "maximum_minor": 2_000}},
        },
        "payout_exchange": {"base": "USD", "markup_bp": 0},
        "payout_reviews": PAYOUT_REVIEWS,
        "maturity": {
            "days": 7,
            "new_creator_days": 14,
            "new_creator_until_days": 90,
            "new_creator_until_minor": 50_000,
            "funding_risk_days": 14,
        },
        "refunds": {"days": {"web": {"EEA": 14, "GB": 14, "CH": 14, "BR": 7, "KR": 7}}},
        "purchases": {
            "open_max": 10,
            "per_day_max": 20,
            "refund_requests_per_day_max": 20,
            "promo_codes_per_day_max": 20,
            "claims_per_hour_max": 120,
        },
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


def test_the_standard_rate_is_half_a_cent_for_a_diamond():
    rates = read("rates")
    (first,) = rates["plans"]["standard"].pop("versions")

    assert first.pop("effective_from").isoformat() == "2026-01-01T00:00:00+00:00"
    assert first == {"version": 1, "currency": "USD", "value_minor_per_1000": 500}
    assert rates == {
        "rate_notice_days": 30,
        "split_notice_hours": 24,
        "plans": {"standard": {}},
    }


def test_the_dearest_package_can_be_bought_on_the_first_day_in_every_currency():
    rules, packages = read("rules")["purchase_rules"], read("packages")["packages"]
    equal, first_day = rules["equal_minor"], rules["money"]["new_minor_per_day"]

    for currency, price in packages[-1]["prices"].items():
        assert price * equal["USD"] <= first_day * equal[currency], currency


def test_the_people_are_of_age_and_none_has_two_roles():
    people = read("people")
    everyone = [person for group in people.values() for person in group]

    assert set(people) == {"viewers", "creators", "operators"}
    assert len({person["id"] for person in everyone}) == len(everyone)
    for person in people["viewers"] + people["creators"]:
        assert person["age_verified"] >= 18
        assert len(person["country"]) == 2
