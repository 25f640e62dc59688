"""Which coins pay for a gift, and when none do."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.wallet.domain.coins import COINS, Lot, Origin, spending_order
from services.wallet.domain.derivation import Claim, PurchaseFacts, derive
from services.wallet.domain.gift_payments import InsufficientCoins, TooLate, credit, pay_for_gift
from services.wallet.domain.limits import Budget, Limit, Period
from shared.ledger.entries import MAIN, LockedAccounts

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HASH = b"\x01" * 16


def a_lot(number, coins, *, origin=Origin.PAID, held=0, age_days=0, expires_at=None):
    return Lot(
        id=UUID(int=number),
        purchase=UUID(int=number),
        origin=origin,
        coins=coins,
        remaining=coins,
        held=held,
        diamond_rate_bp=10_000,
        price_minor=coins,
        currency="USD",
        funded_at=NOON - timedelta(days=age_days),
        expires_at=expires_at,
    )


def accounts_with(*lots):
    accounts = LockedAccounts("mira")
    credit(
        accounts,
        reference="purchase:1",
        coins=sum(lot.remaining for lot in lots),
        request_hash=HASH,
    )
    accounts.record_result("{}")
    return accounts


def pay(accounts, lots, coins, *, reference="gift:1", expires_at=NOON + timedelta(minutes=5)):
    slices = pay_for_gift(
        accounts,
        lots,
        Budget(NOON.date()),
        reference=reference,
        coins=coins,
        request_hash=HASH,
        expires_at=expires_at,
        now=NOON,
    )
    accounts.record_result("{}")
    return slices


def test_promotional_coins_go_first_then_bonus_then_the_oldest_paid():
    soon, later = NOON + timedelta(days=1), NOON + timedelta(days=9)
    lots = [
        a_lot(1, 10, age_days=1),
        a_lot(2, 10, age_days=5),
        a_lot(3, 10, origin=Origin.BONUS),
        a_lot(4, 10, origin=Origin.PROMO, expires_at=later),
        a_lot(5, 10, origin=Origin.PROMO, expires_at=soon),
    ]

    assert [lot.id.int for lot in spending_order(lots)] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(("bonus", "paid"), [(1, 2), (2, 1)])
def test_of_one_purchase_the_debt_of_bonus_coins_is_settled_first_whatever_their_ids(bonus, paid):
    purchase = UUID(int=9)
    lots = [
        replace(a_lot(bonus, 2, origin=Origin.BONUS), purchase=purchase, price_minor=0),
        replace(a_lot(paid, 8), purchase=purchase),
    ]
    for lot in lots:
        lot.remaining, lot.spent = 0, lot.coins
    later = a_lot(3, 5, age_days=-1)
    facts = PurchaseFacts(claims={(purchase, "dp_1"): Claim(revision=1, minor=8)})

    derive({lot.id: lot for lot in (*lots, later)}, facts)

    assert [lot.repaid for lot in lots] == [2, 3]


def test_a_gift_takes_coins_from_lot_after_lot():
    lots = [a_lot(1, 30), a_lot(2, 100)]
    accounts = accounts_with(*lots)

    slices = pay(accounts, lots, 50)

    assert [(piece.lot.id.int, piece.coins) for piece in slices] == [(1, 30), (2, 20)]
    assert [lot.remaining for lot in lots] == [0, 80]
    assert accounts.balance(MAIN, COINS) == 80


def test_a_gift_the_wallet_cannot_pay_moves_nothing_and_says_what_is_missing():
    lots = [a_lot(1, 30)]
    accounts = accounts_with(*lots)

    with pytest.raises(InsufficientCoins) as no:
        pay(accounts, lots, 50)

    assert no.value.facts["shortfall_coins"] == 20
    assert lots[0].remaining == 30
    assert accounts.balance(MAIN, COINS) == 30


def test_held_coins_cannot_be_spent():
    lots = [a_lot(1, 30, held=20)]

    with pytest.raises(InsufficientCoins):
        pay(accounts_with(*lots), lots, 11)


def test_a_gift_nobody_waits_for_any_more_is_not_charged():
    lots = [a_lot(1, 30)]

    with pytest.raises(TooLate):
        pay(accounts_with(*lots), lots, 10, expires_at=NOON - timedelta(seconds=1))


@given(
    lots=st.lists(st.integers(1, 500), min_size=1, max_size=8),
    gifts=st.lists(st.integers(1, 400), max_size=20),
)
def test_lots_and_balance_agree_whatever_is_bought_and_given(lots, gifts):
    """Coins in lots = coins in the account, and what left the lots is what the gifts cost."""
    opened = [a_lot(number, coins) for number, coins in enumerate(lots)]
    accounts = accounts_with(*opened)
    given_coins = 0
    for number, coins in enumerate(gifts):
        try:
            slices = pay(accounts, opened, coins, reference=f"gift:{number}")
        except InsufficientCoins:
            continue
        assert sum(piece.coins for piece in slices) == coins
        given_coins += coins

    assert sum(lot.remaining for lot in opened) == accounts.balance(MAIN, COINS)
    assert accounts.balance(MAIN, COINS) + given_coins == sum(lots)


def test_a_window_begins_at_midnight_of_the_operator():
    limit = Limit(Period.DAY, COINS, 10, "user")
    budget = Budget(date(2026, 11, 23), [limit], time_zone=ZoneInfo("Asia/Tokyo"))

    budget.spend([("USD", 10, 10)])

    assert {mark.starts_at.astimezone(UTC) for mark in budget.marks} == {
        datetime(2026, 11, 22, 15, tzinfo=UTC)
    }
