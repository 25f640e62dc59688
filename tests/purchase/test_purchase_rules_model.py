"""The purchase rules beside another wording of them, over generated histories."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.purchase.domain.purchase_rules import (
    Attempt,
    CardTesting,
    History,
    MoneyLimits,
    PastPurchase,
    PurchaseLimitReached,
    PurchaseRules,
    PurchasesPaused,
    PurchaseTooLarge,
    require_allowed,
)
from services.purchase.domain.purchases import State
from shared.errors import Refusal

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTES = st.integers(min_value=-40 * 24 * 60, max_value=0)
PAST = st.builds(
    lambda minutes, state, counted: PastPurchase(NOW + timedelta(minutes=minutes), state, counted),
    MINUTES,
    st.sampled_from(State),
    st.integers(min_value=0, max_value=60),
)
LIMITED = PurchaseRules(
    equal_minor={"USD": 1},
    purchases_per_minute_max=2,
    money=MoneyLimits(7, 40, 50, 120, 200),
    card_testing=CardTesting(hours=24, small_minor=20, unpaid_max=3, failed_max=4),
)


def refusal_at(history, now, counted_minor, is_new):
    try:
        require_allowed(LIMITED, history, Attempt(counted_minor, is_new, now))
    except Refusal as refusal:
        return refusal
    return None


def forbidden(history, now, counted_minor, is_new):
    """The rules as the page says them: look at each time, and add up what lies in it."""

    def within(**time):
        return [each for each in history.purchases if each.at > now - timedelta(**time)]

    def money(purchases):
        return sum(
            each.counted_minor
            for each in purchases
            if each.state.value not in ("failed", "expired")
        )

    day = within(hours=24)
    gone = [each for each in day if each.state.value in ("failed", "expired")]
    return any(
        (
            len(within(minutes=1)) + 1 > 2,
            money(day) + counted_minor > (40 if is_new else 50),
            money(within(days=7)) + counted_minor > 120,
            money(within(days=30)) + counted_minor > 200,
            len([each for each in gone if each.counted_minor <= 20]) >= 3,
            len([each for each in gone if each.state.value == "failed"]) >= 4,
        )
    )


@given(st.lists(PAST, max_size=12), st.integers(min_value=0, max_value=60), st.booleans())
def test_a_purchase_is_refused_exactly_while_a_rule_forbids_it(past, counted_minor, is_new):
    history = History(purchases=tuple(past))

    refusal = refusal_at(history, NOW, counted_minor, is_new)

    assert (refusal is not None) == forbidden(history, NOW, counted_minor, is_new)
    if isinstance(refusal, PurchaseTooLarge):
        assert forbidden(History(), NOW, counted_minor, is_new)
    elif refusal is not None:
        assert isinstance(refusal, PurchaseLimitReached | PurchasesPaused)
        ends_at = refusal.facts["ends_at"]
        rule = refusal.facts["rule"]
        # Until then it is refused; at that moment by this rule no more.
        assert forbidden(history, ends_at - timedelta(microseconds=1), counted_minor, is_new)
        later = refusal_at(history, ends_at, counted_minor, is_new)
        assert later is None or later.facts["rule"] != rule or later.facts["ends_at"] > ends_at
