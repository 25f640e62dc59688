"""Units move and never appear: what locked accounts allow, and what not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ledger.entries import DEBT, HELD, MAIN, LockedAccounts, Posting

HASH = b"\x01" * 16
amounts = st.integers(min_value=1, max_value=10**9)


def accounts_with(**balances):
    return LockedAccounts(
        "mira", balances={(kind, "coins"): amount for kind, amount in balances.items()}
    )


def move(accounts, reference, *legs):
    version = accounts.post(
        kind="test",
        reference=reference,
        postings=tuple(Posting(account, "coins", amount) for account, amount in legs),
        request_hash=HASH,
    )
    accounts.record_result("{}")
    return version


def test_an_entry_changes_balances_and_carries_the_number_of_its_decision():
    accounts = accounts_with(main=100)

    assert move(accounts, "a", (MAIN, -30), ("@spent", 30)) == 1
    assert move(accounts, "b", (MAIN, -30), (HELD, 30)) == 2

    assert accounts.balance(MAIN, "coins") == 40
    assert [entry.balances_after for entry in accounts.entries] == [[70], [40, 30]]


def test_an_entry_that_does_not_sum_to_zero_is_a_bug():
    with pytest.raises(AssertionError, match="zero"):
        move(accounts_with(main=10), "a", (MAIN, -10), ("@spent", 9))


def test_units_are_summed_apart():
    accounts = accounts_with(main=10)
    with pytest.raises(AssertionError, match="zero"):
        accounts.post(
            kind="test",
            reference="a",
            postings=(Posting(MAIN, "coins", -10), Posting("@spent", "diamonds", 10)),
            request_hash=HASH,
        )


def test_only_debt_may_be_negative():
    with pytest.raises(AssertionError, match="negative"):
        move(accounts_with(main=10), "a", (MAIN, -11), ("@spent", 11))

    owing = accounts_with()
    move(owing, "a", (DEBT, -5), ("@spent", 5))
    assert owing.balance(DEBT, "coins") == -5


def test_a_cause_is_decided_once():
    accounts = accounts_with(main=10)
    move(accounts, "a", (MAIN, -1), ("@spent", 1))

    with pytest.raises(AssertionError, match="decided before"):
        move(accounts, "a", (MAIN, -1), ("@spent", 1))


def test_a_decision_needs_its_result_before_the_next_is_made():
    accounts = accounts_with(main=10)
    accounts.refuse(reference="a", request_hash=HASH)

    with pytest.raises(AssertionError, match="has no result"):
        accounts.refuse(reference="b", request_hash=HASH)


def test_a_refusal_is_a_decision_that_moves_nothing():
    accounts = accounts_with(main=10)

    assert accounts.refuse(reference="a", request_hash=HASH) == 1
    accounts.record_result('{"reason": "no"}')

    assert [(entry.kind, entry.postings) for entry in accounts.entries] == [(None, ())]
    assert accounts.outcomes["a"].moved is False
    assert accounts.outcomes["a"].result == '{"reason": "no"}'


@given(held=amounts, steps=st.lists(st.tuples(st.booleans(), amounts), max_size=30))
def test_whatever_moves_the_sum_stays_zero(held, steps):
    """Every posting ever made, system accounts included, sums to nothing."""
    accounts = accounts_with()
    move(accounts, "opening", ("@issued", -held), (MAIN, held))
    for number, (back, amount) in enumerate(steps):
        source, target = (HELD, MAIN) if back else (MAIN, HELD)
        moved = min(amount, accounts.balance(source, "coins"))
        if moved:
            legs = ((source, -moved), (target, moved))
            move(accounts, f"step {number}", *legs)

    postings = [posting for entry in accounts.entries for posting in entry.postings]
    assert sum(posting.amount for posting in postings) == 0
    assert accounts.balance(MAIN, "coins") + accounts.balance(HELD, "coins") == held
