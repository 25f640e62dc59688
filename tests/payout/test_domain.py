"""What diamonds are worth, and which way a payout goes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payout.domain import (
    BelowMinimum,
    DailyMaximum,
    NotEnoughDiamonds,
    PayeeMissing,
    State,
    Truth,
    earned_of,
    offer,
    steps,
)
from services.payout.main import read_rules

RULES = read_rules(Path("seeds/rules.toml"))


def an_offer(available, wanted=None, *, paid_today_minor=0, has_payee=True):
    return offer(
        available=available,
        wanted=wanted,
        paid_today_minor=paid_today_minor,
        has_payee=has_payee,
        rules=RULES,
    )


def test_only_diamonds_that_make_whole_cents_are_taken():
    """2,001 diamonds are worth 10.005: ten dollars for 2,000, and one stays."""
    assert (an_offer(2_001).diamonds, an_offer(2_001).amount_minor) == (2_000, 1_000)
    assert an_offer(2_001, 2_001).diamonds == 2_000


def test_a_day_has_a_maximum():
    assert an_offer(250_000).diamonds == 200_000
    assert an_offer(250_000, paid_today_minor=90_000).amount_minor == 10_000
    with pytest.raises(DailyMaximum):
        an_offer(250_000, 200_002)
    with pytest.raises(DailyMaximum):
        an_offer(250_000, paid_today_minor=100_000)


def test_what_cannot_be_offered_says_why():
    with pytest.raises(BelowMinimum):
        an_offer(1_999)
    with pytest.raises(BelowMinimum):
        an_offer(5_000, 1_999)
    with pytest.raises(NotEnoughDiamonds):
        an_offer(5_000, 5_001)
    with pytest.raises(PayeeMissing):
        an_offer(5_000, has_payee=False)


@given(available=st.integers(2_000, 10**7), wanted=st.none() | st.integers(2_000, 10**7))
def test_an_offer_never_pays_more_than_the_diamonds_are_worth(available, wanted):
    try:
        made = an_offer(available, wanted)
    except (NotEnoughDiamonds, DailyMaximum):
        return
    assert made.diamonds <= min(available, wanted or available)
    assert made.amount_minor * 1_000 <= made.diamonds * RULES.value_minor_per_1000
    assert made.amount_minor <= RULES.maximum_minor_per_day


@given(truths=st.lists(st.sampled_from(Truth), max_size=8))
def test_results_may_come_in_any_order_and_each_step_is_taken_once(truths):
    state, taken = State.APPROVED, []
    for truth in truths:
        for step in steps(state, truth):
            taken.append(step)
            state = step

    assert len(taken) == len(set(taken))
    if Truth.RETURNED in truths and State.FAILED not in taken:
        assert taken[-1] is State.RETURNED
    assert not {State.PAID, State.FAILED} <= set(taken)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 20_000)), min_size=1, max_size=5))
def test_each_slice_is_rounded_down_by_itself(slices):
    pieces = [
        {"lot": None, "kind": "paid", "coins": coins, "diamond_rate_bp": rate}
        for coins, rate in slices
    ]

    earned = earned_of(pieces)

    assert [piece.diamonds for piece in earned] == [c * r // 10_000 for c, r in slices]
