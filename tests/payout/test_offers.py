"""What an offer pays: never more than its diamonds are worth, whatever fee and exchange."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payout.domain.exchange import ExchangeRate, ExchangeRules, NoExchangeRate
from services.payout.domain.fees import FREE, FeeRules, PayoutFee
from services.payout.domain.limits import UNUSED, BelowMinimum, limits_of
from services.payout.domain.quotes import Terms, offer
from tests.payout.test_domain import NOON, RATE, RULES

RATES = ExchangeRules(
    base="USD",
    markup_bp=100,
    versions=(
        (date(2026, 1, 1), {"EUR": 900_000}),
        (date(2026, 2, 1), {"EUR": 800_000, "JPY": 150_000_000}),
        (date(9999, 1, 1), {"EUR": 1}),
    ),
)


def a_rate(currency="EUR", ppm=900_000, markup_bp=100):
    return ExchangeRate("USD", currency, date(2026, 1, 1), ppm, markup_bp)


def an_offer(diamonds, exchange, fee=FREE):
    return offer(
        available=diamonds,
        wanted=diamonds,
        limits=limits_of(UNUSED, now=NOON, rules=RULES),
        terms=Terms(fee, exchange),
        rules=RULES,
    )


@pytest.mark.parametrize(
    ("day", "ppm", "as_of"),
    [
        (date(2026, 1, 31), 900_000, date(2026, 1, 1)),
        (date(2026, 2, 1), 800_000, date(2026, 2, 1)),
    ],
)
def test_the_newest_rate_whose_day_has_come_counts(day, ppm, as_of):
    rate = RATES.rate("USD", "EUR", day)

    assert (rate.parts_per_million, rate.as_of) == (ppm, as_of)


def test_there_is_no_rate_before_the_first_day_and_from_another_currency():
    for source, day in (("USD", date(2025, 12, 31)), ("GBP", date(2026, 3, 1))):
        with pytest.raises(NoExchangeRate):
            RATES.rate(source, "EUR", day)
    assert RATES.rate("GBP", "GBP", date(2026, 3, 1)) is None


@given(
    diamonds=st.integers(2_000, 200_000),
    currency=st.sampled_from(["EUR", "JPY", "HUF", "KWD"]),
    ppm=st.integers(1_000, 400_000_000),
    markup_bp=st.integers(0, 9_999),
    fee=st.builds(PayoutFee, st.integers(0, 900), st.integers(0, 100), st.integers(100, 5_000)),
)
def test_an_exchange_never_pays_more_than_the_diamonds_are_worth(
    diamonds, currency, ppm, markup_bp, fee
):
    """The oracle divides nothing: it compares fractions of whole units of both currencies."""
    decimals = {"EUR": 2, "JPY": 0, "HUF": 2, "KWD": 3}[currency]
    step = {"HUF": 100, "KWD": 10}.get(currency, 1)
    try:
        made = an_offer(diamonds, a_rate(currency, ppm, markup_bp), fee)
    except BelowMinimum:
        return
    rate = Fraction(ppm, 1_000_000) * Fraction(10_000 - markup_bp, 10_000)
    arrives = Fraction(made.amount_minor + made.fee_minor, 10**decimals)

    assert arrives <= Fraction(made.value_minor, 100) * rate
    assert arrives > Fraction(made.value_minor - 1, 100) * rate
    assert made.value_minor * 1_000 <= made.diamonds * RATE.value_minor_per_1000
    assert made.diamonds <= diamonds
    assert made.amount_minor > 0
    assert made.amount_minor % step == 0


@pytest.mark.parametrize(
    ("value_minor", "fee_minor"),
    [(1_000, 28), (1_001, 28), (10_000, 50), (1_000_000, 2_000)],
)
def test_a_fee_is_what_the_provider_takes_and_no_more_than_its_maximum(value_minor, fee_minor):
    """0.25 % and 25 cents, at most $20: 2.5 cents are 3."""
    assert PayoutFee(25, 25, 2_000).of(value_minor) == fee_minor


def test_a_provider_whose_price_is_unknown_stops_the_service():
    FeeRules(pass_through=False, providers={}).require_providers({"sandbox": None})
    with pytest.raises(AssertionError, match="sandbox"):
        FeeRules(pass_through=True, providers={}).require_providers({"sandbox": None})
