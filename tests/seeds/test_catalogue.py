"""What a new installation starts with is what was agreed."""

import tomllib
from pathlib import Path

TIERS = {"spark": 1, "glow": 10, "burst": 100, "spectacle": 1_000, "legend": 10_000}


def read(name):
    return tomllib.loads(Path(f"seeds/{name}.toml").read_text(encoding="utf-8"))


def test_the_two_prices_that_were_given_are_exact():
    prices = {
        package["coins"]: package["prices"]["USD"] for package in read("packages")["packages"]
    }

    assert (prices[100], prices[10_000]) == (99, 9_999)


def test_every_gift_has_an_id_of_its_own_and_the_tier_of_its_price():
    gifts = read("gifts")["gifts"]
    floors = list(TIERS.values())

    assert len({gift["id"] for gift in gifts}) == len(gifts) == 33
    for gift in gifts:
        assert type(gift["price_coins"]) is int
        assert TIERS[gift["tier"]] == max(f for f in floors if f <= gift["price_coins"])
