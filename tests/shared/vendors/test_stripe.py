"""Amounts as Stripe writes them, and what its signatures are worth."""

import time

import pytest
import stripe
from hypothesis import assume, given
from hypothesis import strategies as some

from shared.money import EXPONENTS, minor_units_in
from shared.vendors.stripe import (
    RELEASE,
    AmountNotPossible,
    balance_from_stripe,
    from_stripe,
    is_live,
    is_signed,
    to_stripe,
)

# https://docs.stripe.com/currencies: what a charge of ten whole units is.
TEN = {
    "USD": 1_000,
    "JPY": 10,
    "KRW": 10,
    "KWD": 10_000,
    "ISK": 1_000,
    "UGX": 1_000,
    "HUF": 1_000,
    "TWD": 1_000,
    "MGA": 10,
    "VND": 10,
    "CLP": 10,
}


@pytest.mark.parametrize(("currency", "amount"), TEN.items())
def test_ten_whole_units_are_what_stripe_says_they_are(currency, amount):
    amount_minor = 10 * minor_units_in(currency)

    assert to_stripe(amount_minor, currency) == amount
    assert from_stripe(amount, currency) == amount_minor


@pytest.mark.parametrize(
    ("amount_minor", "currency"), [(1_001, "KWD"), (1_009, "TND"), (150, "MGA"), (1, "MGA")]
)
def test_an_amount_that_stripe_has_not_is_refused(amount_minor, currency):
    with pytest.raises(AmountNotPossible):
        to_stripe(amount_minor, currency)


@pytest.mark.parametrize(("amount", "currency"), [(1_050, "ISK"), (1, "UGX")])
def test_a_part_of_our_smallest_unit_is_no_amount_and_rounded_down_in_a_balance(amount, currency):
    with pytest.raises(AmountNotPossible):
        from_stripe(amount, currency)
    assert balance_from_stripe(amount, currency) == amount // 100
    assert balance_from_stripe(-amount, currency) == -(amount // 100) - 1


@given(some.sampled_from(sorted(EXPONENTS)), some.integers(0, 10**12))
def test_what_is_written_is_read_as_it_was(currency, amount_minor):
    try:
        amount = to_stripe(amount_minor, currency)
    except AmountNotPossible:
        assume(False)
    assert from_stripe(amount, currency) == amount_minor
    assert balance_from_stripe(amount, currency) == amount_minor


@pytest.mark.parametrize(
    ("key", "live"),
    [
        ("sk_test_1", False),
        ("rk_test_1", False),
        ("sk_live_1", True),
        ("rk_live_new\nsk_live_old", True),
    ],
)
def test_a_key_says_whether_it_moves_real_money(key, live):
    assert is_live(key) is live


@pytest.mark.parametrize("key", ["", "pk_live_1", "sk_live_", "whsec_1", "sk_live_1\nsk_test_1"])
def test_what_is_no_secret_key_or_two_of_different_modes_is_refused(key):
    with pytest.raises(AssertionError):
        is_live(key)


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (-290, True), (-310, False)])
def test_a_signature_is_good_for_five_minutes(seconds, good):
    header = stripe.WebhookSignature.generate_signature_header(
        "{}", "whsec_1", int(time.time()) + seconds
    )

    assert is_signed("whsec_1", b"{}", header) is good
    assert is_signed("whsec_2\nwhsec_1", b"{}", header) is good
    assert not is_signed("whsec_2", b"{}", header)
    assert not is_signed("whsec_1", b"{ }", header)


def test_the_sdk_is_of_the_release_whose_document_judges_the_fake():
    assert RELEASE == "dahlia"
