"""An operator looks at prices, and sees whether a new file rewrites the past."""

import json
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from deploy.ctl.__main__ import app

PACKAGES = """
[[packages]]
sku = "coins_100"
coins = 100
prices = { EUR = 100, KWD = 305 }

[custom]
sku = "custom"
coins_min = 50
coins_max = 100
minor_per_1000_coins = { EUR = 1000 }
amount_minor_min = {}
channels = ["web"]

[currencies]
default = ["EUR"]
countries = { KWD = ["KW"] }
"""


def prices(*arguments):
    done = CliRunner().invoke(app, ["prices", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


class Change(NamedTuple):
    """A change of prices so many days from now."""

    days: int
    price: int
    line: str = ""
    currency: str = "EUR"

    def written(self, now):
        since = (now + timedelta(days=self.days)).isoformat()
        price = f"prices.coins_100 = {{ {self.currency} = {self.price} }}"
        return f"[[price_changes]]\neffective_from = {since}\n{price}\n{self.line}\n"


@pytest.fixture
def now():
    """When the test begins."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def file(tmp_path, now):
    """Write a file of prices with changes."""

    def write(name, *changes):
        path = tmp_path / name
        path.write_text("\n".join((PACKAGES, *(each.written(now) for each in changes))))
        return path

    return write


def test_what_is_in_force_is_shown_with_what_it_is_reduced_from_and_what_comes(file, now):
    path = file("new.toml", Change(-5, 90), Change(3, 110))

    (coins, custom) = json.loads(prices("show", "--packages", path, "--json").stdout)

    assert coins == {
        "sku": "coins_100",
        "currency": "EUR",
        "amount_minor": 90,
        "reduced_from_minor": 100,
        "next_minor": 110,
        "next_from": (now + timedelta(days=3)).isoformat(),
    }
    assert (custom["sku"], custom["amount_minor"], custom["next_minor"]) == ("custom", 1_000, None)
    words = " ".join(prices("show", "--packages", path).stdout.replace("│", " ").split())
    assert "coins_100 0.90 EUR 1.00 EUR 1.10 EUR" in words


def test_prices_of_another_country_channel_and_time_are_shown(file, now):
    path = file("new.toml", Change(3, 400, 'channel = "ios"', currency="KWD"))
    later = (now + timedelta(days=4)).replace(tzinfo=None).isoformat()

    current = prices("show", "--packages", path, "--country", "KW").stdout
    then = prices(
        *("show", "--packages", path, "--country", "KW", "--channel", "ios", "--at", later)
    ).stdout

    assert "0.305 KWD" in current
    assert "0.400 KWD" in then
    # Single coins are not sold in an app.
    assert "custom" not in then


@pytest.mark.parametrize(
    "after",
    [
        (),
        (Change(-5, 90), Change(1, 80)),
        (Change(-5, 90), Change(1, 80, 'channel = "ios"'), Change(2, 70, 'countries=["KW"]')),
    ],
    ids=["the-same", "a-later-change", "later-changes-of-others"],
)
def test_what_begins_in_the_future_leaves_the_past_as_it_was(file, after):
    before = (Change(-5, 90),)

    done = prices(
        *("compare", file("old.toml", *before), "--packages", file("new.toml", *(after or before)))
    )

    assert (done.exit_code, done.stdout.strip()) == (0, "The past is as it was.")


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ((), "coins_100 web any"),
        ((Change(-5, 95),), "coins_100 web any"),
        ((Change(-4, 90),), "coins_100 web any"),
        ((Change(-5, 90), Change(-1, 80)), "coins_100 web any"),
        ((Change(-5, 90), Change(-1, 120, 'channel = "ios"')), "coins_100 ios any"),
        ((Change(-5, 90), Change(-1, 80, 'countries = ["DE"]')), "coins_100 web DE"),
    ],
    ids=["gone", "another-price", "later", "one-more", "of-an-app", "of-a-country"],
)
def test_a_file_that_rewrites_the_past_is_found(file, after, words):
    done = prices(
        *("compare", file("old.toml", Change(-5, 90))),
        *("--packages", file("new.toml", *after)),
    )

    assert done.exit_code == 1
    assert words in " ".join(done.stdout.replace("│", " ").split())


def test_what_ended_more_than_sixty_days_ago_may_go(file):
    old = file("old.toml", Change(-90, 80), Change(-61, 100), Change(-5, 90))

    done = prices("compare", old, "--packages", file("new.toml", Change(-5, 90)))

    assert done.exit_code == 0


def test_a_mistake_in_the_file_is_named(file):
    path = file("new.toml", Change(-5, 0))

    for command in (["show"], ["compare", file("old.toml")]):
        done = prices(*command, "--packages", path)
        assert done.exit_code == 2
        assert "a price in EUR is not one" in done.stderr
    assert prices("show", "--country", "UK").exit_code == 2
