"""Amounts are written with as many decimals as their currency has, in every service and page."""

import json
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

from services.payout.main import read_rules as read_payout_rules
from services.wallet.domain.limits import Budget, Limit, LimitExceeded, Period
from services.wallet.main import read_rules as read_wallet_rules
from services.web.pages import STATIC
from shared.money import CODES, EXPONENTS, Rounding, amount_text, prorate
from shared.prices.files import read_price_book
from tests.seeds.test_defaults import SEEDS

CURRENCIES_JS = STATIC / "currencies.js"


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (160, "JPY", "160 JPY"),
        (499, "USD", "4.99 USD"),
        (5, "EUR", "0.05 EUR"),
        (305, "KWD", "0.305 KWD"),
        (12_345, "CLF", "1.2345 CLF"),
        (0, "BHD", "0.000 BHD"),
        (-1_050, "GBP", "-10.50 GBP"),
        (-7, "VND", "-7 VND"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(amount_minor, currency, text):
    assert amount_text(amount_minor, currency) == text


@pytest.mark.parametrize(
    ("amount", "part", "whole", "down", "up"),
    [
        (100, 1, 3, 33, 34),
        (99, 1, 3, 33, 33),
        (0, 1, 3, 0, 0),
        (-100, 1, 3, -34, -33),
        (10**30, 10**30, 7, 10**60 // 7, 10**60 // 7 + 1),
    ],
)
def test_a_share_is_exact_until_it_is_rounded(amount, part, whole, down, up):
    assert prorate(amount, part, whole, Rounding.DOWN) == down
    assert prorate(amount, part, whole, Rounding.UP) == up


@pytest.mark.parametrize(
    ("amount", "part", "whole", "nearest"),
    [(1, 1, 3, 0), (2, 1, 3, 1), (1, 1, 2, 1), (-1, 1, 2, 0), (-2, 1, 3, -1), (3, 5, 1, 15)],
)
def test_a_figure_that_is_shown_is_the_nearest_one(amount, part, whole, nearest):
    assert prorate(amount, part, whole, Rounding.NEAREST) == nearest


def test_no_currency_has_two_exponents():
    codes = [code for each in CODES.values() for code in each.split()]

    assert len(codes) == len(set(codes)) == len(EXPONENTS)
    assert all(re.fullmatch("[A-Z]{3}", code) for code in codes)


def test_the_pages_have_the_same_table():
    table = re.search(r"const CODES = \{\n(.*?)\n\};", CURRENCIES_JS.read_text(), re.DOTALL)[1]
    read = {
        int(exponent): "".join(re.findall(r'"([^"]*)"', codes))
        for exponent, codes in re.findall(r"^  (\d): (.*?),$", table, re.DOTALL | re.MULTILINE)
    }

    assert read == dict(CODES)


TYPED = [
    ("8000", "JPY", 8_000),
    ("80.5", "JPY", None),
    ("80.00", "JPY", 80),
    ("49.9", "USD", 4_990),
    ("49.99", "USD", 4_999),
    ("49.999", "USD", None),
    ("0.305", "KWD", 305),
    ("0.3051", "KWD", None),
    ("1.2345", "UYW", 12_345),
    ("500", "coins", 500),
    ("1.5", "coins", None),
    ("1.0", "coins", 1),
    ("1e3", "USD", None),
    ("-1", "USD", None),
    ("", "USD", None),
    ("1,5", "EUR", None),
]


def test_pages_read_what_was_typed_by_the_same_table():
    """What has more decimals than its currency is no amount; it is never rounded."""
    read = in_node(f"{json.dumps(TYPED)}.map(([text, unit]) => minorOf(text, unit))")

    assert read == [minor for _, _, minor in TYPED]


def test_what_a_field_shows_is_what_is_saved():
    """A form that is opened and saved again changes nothing."""
    shown = [
        [minor, unit]
        for unit in ("JPY", "USD", "KWD", "CLF", "coins")
        for minor in (0, 1, 9, 10, 305, 4_999, 1_000_000_000)
    ]

    saved = in_node(
        f"{json.dumps(shown)}.map(([minor, unit]) => minorOf(decimalOf(minor, unit), unit))"
    )

    assert saved == [minor for minor, _ in shown]


def in_node(expression):
    """Evaluate something of the pages' table with the pages' own code."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node, which runs the pages' code here, is not installed")
    program = (
        f"import * as table from '{CURRENCIES_JS.as_uri()}';"
        f"const {{ minorOf, decimalOf }} = table; console.log(JSON.stringify({expression}));"
    )
    command = [node, "--input-type=module", "-e", program]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return json.loads(told.stdout)


def changed(tmp_path, name, before, after):
    """Return a copy of a seed with one thing in it changed."""
    text = (SEEDS / name).read_text()
    assert before in text
    path = tmp_path / name
    path.write_text(text.replace(before, after, 1))
    return path


def test_a_price_in_a_currency_that_is_not_in_use_stops_the_service(tmp_path):
    path = changed(tmp_path, "packages.toml", "USD = 99,", "USD = 99, ZZZ = 99,")

    with pytest.raises(ValueError, match="ZZZ"):
        read_price_book(path)


def test_payouts_in_a_currency_that_is_not_in_use_stop_the_service(tmp_path):
    path = changed(tmp_path, "rates.toml", 'currency = "USD"', 'currency = "ZZZ"')

    with pytest.raises(AssertionError, match="ZZZ"):
        read_payout_rules(Path("seeds/rules.toml"), path)


def test_an_exchange_rate_of_a_currency_that_is_not_in_use_stops_the_service(tmp_path):
    path = changed(tmp_path, "rules.toml", "USD = { EUR = 920000,", "USD = { ZZZ = 920000,")

    with pytest.raises(AssertionError, match="ZZZ"):
        read_wallet_rules(path)


@pytest.mark.parametrize(
    ("limit", "currency", "rate", "spent_minor"),
    [
        (Limit(Period.DAY, "JPY", 1_500, "user"), "USD", 150_000_000, 1_000),
        (Limit(Period.DAY, "USD", 1_000, "user"), "JPY", 6_667, 1_500),
        (Limit(Period.DAY, "KWD", 3_070, "user"), "USD", 307_000, 1_000),
        (Limit(Period.DAY, "EUR", 920, "user"), "USD", 920_000, 1_000),
    ],
)
def test_limits_count_coins_of_another_currency_at_the_rate_as_quoted(
    limit, currency, rate, spent_minor
):
    """Ten dollars are 1,500 yen, not 150,000: the minor units are of different size."""
    rates = {(currency, limit.unit): rate}
    budget = Budget(today=date(2026, 11, 28), limits=[limit], rates=rates)
    budget.spend([(currency, 1_000, spent_minor)])

    assert budget.used(limit) == limit.amount
    with pytest.raises(LimitExceeded):
        budget.spend([(currency, 1_000, spent_minor // 10)])
