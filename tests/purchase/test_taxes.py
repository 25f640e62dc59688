"""The tax in a price: its parts add up, whatever goes back in whatever order."""

from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.purchase.domain.taxes import (
    TaxPayer,
    TaxRate,
    TaxTable,
    contained_minor,
    tax_of_loss,
    tax_of_next_part,
)
from services.purchase.main import read_taxes
from shared.prices.files import read_price_book

SEEDS = Path("seeds")
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
AMOUNTS = st.integers(1, 10**12)
RATES = st.integers(1, 9_999)


def a_rate(country="DE", rate_bp=1_900, since=date(2025, 1, 1)):
    return TaxRate(country, "VAT", rate_bp, since)


@pytest.mark.parametrize(
    ("gross", "rate_bp", "tax"),
    [
        (119, 1_900, 19),
        (499, 1_900, 80),  # 79.67
        (499, 2_550, 101),  # 101.38
        (160, 1_000, 15),  # 14.55 yen
        (8_900, 1_800, 1_358),  # 1357.63 paise
        (1, 1_900, 0),
        (3, 2_000, 1),  # half a unit goes up
    ],
)
def test_the_tax_in_a_price_is_the_nearest_unit(gross, rate_bp, tax):
    assert contained_minor(gross, rate_bp) == tax


@given(AMOUNTS, RATES)
def test_the_tax_is_less_than_a_unit_away_from_what_the_rate_says(gross, rate_bp):
    tax = contained_minor(gross, rate_bp)

    assert 0 <= tax < gross or gross == 1
    assert abs(Fraction(gross - tax) * rate_bp / 10_000 - tax) < 1


@given(AMOUNTS, RATES)
def test_a_higher_price_never_has_less_tax_nor_a_lower_net_amount(gross, rate_bp):
    more = contained_minor(gross + 1, rate_bp) - contained_minor(gross, rate_bp)

    assert more in (0, 1)


@given(st.lists(st.integers(1, 1_000), min_size=1, max_size=12), RATES)
def test_parts_that_go_back_bring_back_exactly_the_tax(parts, rate_bp):
    gross = sum(parts)
    tax = contained_minor(gross, rate_bp)
    gone = []
    for part in parts:
        gone.append((part, tax_of_next_part(tax, gross, part_minor=part, before=gone)))

    assert sum(each for _, each in gone) == tax
    assert all(0 <= each <= part for part, each in gone)


@given(AMOUNTS, RATES, st.data())
def test_a_refund_and_a_loss_of_the_rest_bring_back_exactly_the_tax(gross, rate_bp, data):
    tax = contained_minor(gross, rate_bp)
    part = data.draw(st.integers(0, gross))

    refunded = tax_of_next_part(tax, gross, part_minor=part, before=())
    lost = tax_of_loss(tax, gross, lost_minor=gross - part, refunded_tax_minor=refunded)

    assert refunded + lost == tax


@given(
    AMOUNTS, RATES, st.lists(st.tuples(AMOUNTS, st.booleans()), max_size=8), st.integers(0, 2**41)
)
def test_no_more_tax_goes_back_than_was_in_the_price(gross, rate_bp, parts, lost_minor):
    """Refunds fail in between, and a bank takes money that had gone back: the tax goes once."""
    tax = contained_minor(gross, rate_bp)
    gone = []
    for part, fails in parts:
        if fails and gone:
            gone.pop(0)
        left = gross - sum(each for each, _ in gone)
        if part <= left:
            gone.append((part, tax_of_next_part(tax, gross, part_minor=part, before=gone)))
    refunded = sum(each for _, each in gone)

    lost = tax_of_loss(tax, gross, lost_minor=lost_minor, refunded_tax_minor=refunded)

    assert refunded <= tax
    assert 0 <= lost <= min(tax - refunded, max(lost_minor, 0))


def test_the_rate_is_that_of_the_day_of_the_payment():
    table = TaxTable((a_rate(rate_bp=2_000), a_rate(rate_bp=2_100, since=date(2026, 3, 5))))

    def rate_at(*moment):
        found = table.rate("DE", datetime(*moment, tzinfo=UTC))
        return found.rate_bp if found else None

    assert rate_at(2024, 12, 31, 23, 59) is None
    assert rate_at(2025, 1, 1) == 2_000
    assert rate_at(2026, 3, 4, 23, 59) == 2_000
    assert rate_at(2026, 3, 5) == 2_100


@pytest.mark.parametrize("country", ["US", None])
def test_a_country_without_a_rate_taxes_nothing(country):
    table = TaxTable((a_rate(),))

    assert table.tax_in(499, country=country, channel="web", at=NOON) is None


def test_the_store_pays_the_tax_of_what_it_sells():
    table = TaxTable((a_rate(),), {"ios": TaxPayer.STORE})

    def payer(channel):
        return table.tax_in(499, country="DE", channel=channel, at=NOON).payer

    assert (payer("web"), payer("ios")) == (TaxPayer.OPERATOR, TaxPayer.STORE)


@pytest.mark.parametrize("wrong", [{"rate_bp": 0}, {"rate_bp": 10_000}, {"country": "UK"}])
def test_a_rate_that_cannot_be_stops_the_service(wrong):
    with pytest.raises(AssertionError):
        a_rate(**wrong)


def test_two_rates_of_one_day_stop_the_service():
    with pytest.raises(AssertionError):
        TaxTable((a_rate(), a_rate(rate_bp=2_000)))


def test_every_country_that_pays_in_its_own_currency_has_a_rate():
    table = read_taxes(SEEDS / "taxes.toml")
    currencies = read_price_book(SEEDS / "packages.toml").currencies

    countries = {each for listed in currencies.countries.values() for each in listed}
    # They have the euro or the pound, and taxes of their own, or none.
    others = {"AD", "SM", "VA", "ME", "XK", "GG", "GI", "JE"}
    assert not {each for each in countries - others if table.rate(each, NOON) is None}
