"""Units move and never appear: what a holder lets happen, and what it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ledger.entries import DEBT, HELD, MAIN, Holder, Posting

HASH = b"\x01" * 16
amounts = st.integers(min_value=1, max_value=10**9)


def a_holder(**balances):
    return Holder("mira", balances={(kind, "coins"): amount for kind, amount in balances.items()})


def move(holder, cause, *legs):
    version = holder.post(
        kind="test",
        cause=cause,
        postings=tuple(Posting(account, "coins", amount) for account, amount in legs),
        request_hash=HASH,
    )
    holder.conclude("{}")
    return version


def test_a_movement_changes_balances_and_carries_the_number_of_its_decision():
    holder = a_holder(main=100)

    assert move(holder, "a", (MAIN, -30), ("@spent", 30)) == 1
    assert move(holder, "b", (MAIN, -30), (HELD, 30)) == 2

    assert holder.balance(MAIN, "coins") == 40
    assert [after for entry in holder.entries for _, after in entry.postings] == [70, None, 40, 30]


def test_a_movement_that_does_not_sum_to_zero_is_a_bug():
    with pytest.raises(AssertionError, match="zero"):
        move(a_holder(main=10), "a", (MAIN, -10), ("@spent", 9))


def test_units_are_summed_apart():
    holder = a_holder(main=10)
    with pytest.raises(AssertionError, match="zero"):
        holder.post(
            kind="test",
            cause="a",
            postings=(Posting(MAIN, "coins", -10), Posting("@spent", "diamonds", 10)),
            request_hash=HASH,
        )


def test_only_debt_may_be_negative():
    with pytest.raises(AssertionError, match="negative"):
        move(a_holder(main=10), "a", (MAIN, -11), ("@spent", 11))

    owing = a_holder()
    move(owing, "a", (DEBT, -5), ("@spent", 5))
    assert owing.balance(DEBT, "coins") == -5


def test_a_cause_is_decided_once():
    holder = a_holder(main=10)
    move(holder, "a", (MAIN, -1), ("@spent", 1))

    with pytest.raises(AssertionError, match="decided before"):
        move(holder, "a", (MAIN, -1), ("@spent", 1))


def test_a_decision_is_concluded_before_the_next_is_made():
    holder = a_holder(main=10)
    holder.refuse(cause="a", request_hash=HASH)

    with pytest.raises(AssertionError, match="not concluded"):
        holder.refuse(cause="b", request_hash=HASH)


def test_a_refusal_is_a_decision_that_moves_nothing():
    holder = a_holder(main=10)

    assert holder.refuse(cause="a", request_hash=HASH) == 1
    holder.conclude('{"reason": "no"}')

    assert holder.entries == []
    assert holder.outcomes["a"].moved is False
    assert holder.outcomes["a"].result == '{"reason": "no"}'


@given(held=amounts, steps=st.lists(st.tuples(st.booleans(), amounts), max_size=30))
def test_whatever_moves_the_sum_stays_zero(held, steps):
    """Every posting ever made, system accounts included, sums to nothing."""
    holder = a_holder()
    move(holder, "opening", ("@issued", -held), (MAIN, held))
    for number, (back, amount) in enumerate(steps):
        source, target = (HELD, MAIN) if back else (MAIN, HELD)
        moved = min(amount, holder.balance(source, "coins"))
        if moved:
            legs = ((source, -moved), (target, moved))
            move(holder, f"step {number}", *legs)

    postings = [posting for entry in holder.entries for posting, _ in entry.postings]
    assert sum(posting.amount for posting in postings) == 0
    assert holder.balance(MAIN, "coins") + holder.balance(HELD, "coins") == held
