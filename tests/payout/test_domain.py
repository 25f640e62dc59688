"""What diamonds are worth, and which way a payout goes."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payout.domain.earnings import (
    Earning,
    diamonds_of_coins,
    earn,
    post,
    restore,
    take_back,
)
from services.payout.domain.fees import FREE
from services.payout.domain.limits import UNUSED, BelowMinimum, DailyMaximum, limits_of
from services.payout.domain.money import PAYABLE, diamonds_of
from services.payout.domain.payees import PayeeMissing
from services.payout.domain.payouts import (
    NotEnoughDiamonds,
    ProviderStatus,
    State,
    is_contradiction,
    steps,
)
from services.payout.domain.quotes import Terms, offer, require_payable
from services.payout.domain.rate_plans import Rate
from services.payout.domain.rates import DIAMONDS
from services.payout.domain.statements import Change, Line, PostingSum, changes_of
from services.payout.main import read_rules
from shared.ledger.entries import MAIN, PENDING, LockedAccounts

RATE = Rate(1, "USD", 500)
RULES = read_rules(Path("seeds/rules.toml"), Path("seeds/rates.toml")).at(RATE)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HASH = b"\x01" * 16


def an_offer(available, wanted=None, *, paid_today_minor=0):
    return offer(
        available=available,
        wanted=wanted,
        limits=limits_of(replace(UNUSED, today_minor=paid_today_minor), now=NOON, rules=RULES),
        terms=Terms(FREE, None),
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
    limits = limits_of(UNUSED, now=NOON, rules=RULES)
    with pytest.raises(PayeeMissing):
        require_payable(None, None, limits=limits, now=NOON, rules=RULES)


@given(available=st.integers(2_000, 10**7), wanted=st.none() | st.integers(2_000, 10**7))
def test_an_offer_never_pays_more_than_the_diamonds_are_worth(available, wanted):
    try:
        made = an_offer(available, wanted)
    except (NotEnoughDiamonds, DailyMaximum):
        return
    assert made.diamonds <= min(available, wanted or available)
    assert made.amount_minor * 1_000 <= made.diamonds * RATE.value_minor_per_1000
    assert made.amount_minor <= RULES.maximum_minor_per_day


@given(truths=st.lists(st.sampled_from(ProviderStatus), max_size=8))
def test_results_may_come_in_any_order_and_each_step_is_taken_once(truths):
    state, taken = State.APPROVED, []
    for truth in truths:
        for step in steps(state, truth):
            taken.append(step)
            state = step

    assert len(taken) == len(set(taken))
    if ProviderStatus.RETURNED in truths:
        assert taken[-1] is State.RETURNED


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("truth", ProviderStatus)
def test_whatever_the_provider_says_either_fits_or_is_a_contradiction(state, truth):
    """Nothing is swallowed: what does not fit, and does not come to fit, contradicts."""
    came_to = (state, *steps(state, truth))[-1]
    says = {
        ProviderStatus.SUBMITTED: {State.SENT},
        ProviderStatus.PAID: {State.PAID},
        # Where money came back, or never went, the diamonds are the creator's.
        ProviderStatus.FAILED: {State.FAILED, State.RETURNED, State.REJECTED},
        ProviderStatus.RETURNED: {State.RETURNED},
    }

    assert came_to in says[truth] or is_contradiction(state, truth)


@pytest.mark.parametrize(
    ("state", "truth", "follows"),
    [
        (State.PAID, ProviderStatus.FAILED, (State.RETURNED,)),
        (State.FAILED, ProviderStatus.PAID, (State.PAID,)),
        (State.REJECTED, ProviderStatus.PAID, (State.PAID,)),
        (State.HELD, ProviderStatus.PAID, (State.SENT, State.PAID)),
        (State.FAILED, ProviderStatus.RETURNED, (State.PAID, State.RETURNED)),
    ],
)
def test_where_money_is_decides_what_contradicts(state, truth, follows):
    assert is_contradiction(state, truth)
    assert steps(state, truth) == follows


PLACES = (PENDING, MAIN)


def an_earning(number, coins, *, matured, rate_bp=10_000):
    return Earning(
        creator="lea",
        gift=UUID(int=number),
        slice=0,
        lot=UUID(int=1),
        lot_kind="paid",
        viewer="mira",
        coins=coins,
        rate_bp=rate_bp,
        diamonds=diamonds_of_coins(coins, rate_bp),
        decision=number + 1,
        occurred_at=NOON,
        matures_at=NOON,
        hold_reason="standard",
        matured=matured,
        anonymous=False,
    )


def follow(accounts, earning, reversed_coins, reference):
    """Let an earning's diamonds be what its coins are worth."""
    worth, about = earning.worth(reversed_coins), {"reference": reference, "request_hash": HASH}
    if worth == earning.backed:
        return None
    if worth < earning.backed:
        moved = take_back(accounts, earning, worth, RULES, **about)
    else:
        moved = restore(accounts, earning, worth, RULES, matures_at=NOON, **about)
    accounts.record_result("{}")
    return moved


some_earnings = st.lists(
    st.tuples(st.integers(1, 5_000), st.booleans(), st.sampled_from([0, 3_333, 10_000])),
    min_size=1,
    max_size=6,
)


@given(some_earnings, st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5_000)), max_size=20))
def test_what_is_earned_less_what_is_reversed_is_what_there_is(gifts, reversals):
    """Whatever comes and goes, and the value owed follows every step of it."""
    accounts = LockedAccounts("lea")
    earnings = [
        an_earning(number, coins, matured=matured, rate_bp=rate)
        for number, (coins, matured, rate) in enumerate(gifts)
    ]
    for earning in earnings:
        earn(accounts, [earning], RULES, reference=f"gift:{earning.gift}", request_hash=HASH)
        accounts.record_result("{}")

    for number, (which, coins) in enumerate(reversals):
        follow(accounts, earnings[which % len(earnings)], coins, f"reversal:{number}")

    worth = sum(earning.diamonds - earning.reversed_diamonds for earning in earnings)
    lost = sum(earning.lost_diamonds for earning in earnings)
    assert sum(accounts.balance(place, DIAMONDS) for place in PLACES) == worth + lost
    assert lost == 0
    posted = [posting for entry in accounts.entries for posting in entry.postings]
    owed = -sum(posting.amount for posting in posted if posting.account == PAYABLE)
    assert owed == RULES.value_minor(diamonds_of(accounts))


def test_what_the_creator_has_no_more_is_the_operators_loss_until_it_comes_back():
    accounts, earning = LockedAccounts("lea"), an_earning(0, 1_000, matured=True)
    earn(accounts, [earning], RULES, reference="gift", request_hash=HASH)
    accounts.record_result("{}")
    post(
        accounts,
        {MAIN: -800, "@paid_out": 800},
        RULES,
        kind="paid",
        reference="p",
        request_hash=HASH,
    )
    accounts.record_result("{}")

    taken = follow(accounts, earning, 1_000, "r1")
    assert (taken.diamonds, taken.loss_diamonds) == (200, 800)
    given_back = follow(accounts, earning, 500, "r2")

    assert (given_back.diamonds, given_back.loss_diamonds) == (0, -500)
    assert (accounts.balance(MAIN, DIAMONDS), earning.lost_diamonds) == (0, 300)


def test_a_payout_in_another_currency_is_exchanged_in_both():
    """Owed in dollars, paid in euros: each currency has a line for what was changed."""

    def moved(account, asset, amount):
        return PostingSum(date(2026, 1, 1), "paid", account, asset, 1, amount, 0, 1)

    found = changes_of(
        [
            *(moved("held", "diamonds", -3_000), moved("@paid_out", "diamonds", 3_000)),
            *(moved("@creator_payable", "USD", 1_500), moved("@exchange", "USD", -1_500)),
            *(moved("@exchange", "EUR", 1_380), moved("@provider_clearing", "EUR", -1_380)),
        ]
    )

    changes = {(change.asset, change.line): change.amount for change in found}
    assert changes == {
        ("diamonds", Line.PAYOUTS): -3_000,
        ("USD", Line.EXCHANGE): -1_500,
        ("EUR", Line.EXCHANGE): 1_380,
        ("EUR", Line.PAYOUTS): -1_380,
    }
    assert all(isinstance(change, Change) for change in found)
