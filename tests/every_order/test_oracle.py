"""What the oracle says of stories that a person can work out on paper."""

from dataclasses import replace

import pytest

from tests.every_order.alphabet import orders_of, sets_of
from tests.every_order.facts import (
    BONUS,
    PAID,
    PROMO,
    Decisions,
    Disputed,
    Flagged,
    Gift,
    Paid,
    RefundDeclined,
    Refunded,
    RefundRequested,
)
from tests.every_order.law import broken_laws
from tests.every_order.oracle import end_of, payment_of

A, B = Paid("A", 100, 99, age=0), Paid("B", 100, 99, age=1)
GIFT = Gift("g", "lea", 100)
GIVEN = Decisions(gifts=((GIFT, ((("A", PAID), 100),)),))
ASKED, GONE, STAYS = RefundRequested("A", "re"), Refunded("A", "re"), RefundDeclined("A", "re")
FROZEN = Decisions(frozen=(("re", ((("A", PAID), 100),)),), refunded=(("re", 100),))


def disputed(paid, minor=None, *, revision=1, won=None, currency="USD"):
    amount = paid.price_minor if minor is None else minor
    return Disputed(paid.purchase, f"dp_{paid.purchase}", revision, amount, won, currency)


def coins(facts, decisions=Decisions()):  # noqa: B008 - frozen
    end = end_of(facts, decisions)
    return end.main, end.held, end.debt


def test_bought_coins_can_be_spent():
    assert coins([A, B]) == (200, 0, 0)


def test_two_stolen_cards_leave_the_creator_with_nothing():
    facts = [A, disputed(A), B, disputed(B)]

    assert coins(facts, GIVEN) == (0, 0, 100)
    assert end_of(facts, GIVEN).standing == {"lea": {("g", ("A", PAID)): 0}}


def test_a_debt_is_settled_and_the_gift_stands_again():
    end = end_of([A, disputed(A), B], GIVEN)

    assert (end.main, end.debt) == (0, 0)
    assert end.lots["B", PAID].lent == 100
    assert end.reversed_coins == {}


def test_lent_coins_come_back_when_the_dispute_is_won():
    facts = [A, disputed(A), B, disputed(A, revision=2, won=True)]

    assert coins(facts, GIVEN) == (100, 0, 0)


def test_refunded_coins_do_not_come_back_when_a_dispute_is_won():
    facts = [A, ASKED, GONE, disputed(A), disputed(A, revision=2, won=True)]

    assert coins(facts, FROZEN) == (0, 0, 0)


def test_a_refund_that_failed_gives_its_coins_back():
    assert coins([A, ASKED, GONE, STAYS], FROZEN) == (100, 0, 0)


def test_a_warning_holds_what_a_declined_refund_lets_go():
    assert coins([A, ASKED, Flagged("A"), STAYS], FROZEN) == (0, 100, 0)


def test_coins_that_were_spent_before_their_money_went_back_are_owed():
    decisions = replace(GIVEN, refunded=(("re", 40),))

    assert coins([A, GONE, ASKED], decisions) == (0, 0, 40)


@pytest.mark.parametrize(("minor", "left"), [(1, 98), (49, 50), (98, 1), (99, 0)])
def test_a_part_of_the_price_takes_the_same_part_of_the_coins_rounded_up(minor, left):
    assert coins([A, disputed(A, minor)]) == (left, 0, 0)


def test_a_sum_in_another_currency_claims_everything():
    assert coins([A, disputed(A, 1, currency="EUR")]) == (0, 0, 0)


def test_the_latest_gift_loses_its_money_first():
    first, second = Gift("first", "lea", 60), Gift("second", "tomas", 40)
    decisions = Decisions(
        gifts=((first, ((("A", PAID), 60),)), (second, ((("A", PAID), 40),))),
    )

    end = end_of([A, disputed(A, 49)], decisions)

    assert end.reversed_coins == {("second", ("A", PAID)): 40, ("first", ("A", PAID)): 10}


def test_promo_coins_settle_no_debt_and_no_gift_is_paid_beside_one():
    promo = replace(GIVEN, granted=((("p", PROMO), 30),))

    assert coins([A, disputed(A)], promo) == (30, 0, 100)
    assert payment_of([A, disputed(A)], promo, Gift("h", "lea", 10)) is None


def test_a_gift_is_paid_by_bonus_coins_first_and_by_the_oldest():
    bonus = Paid("C", 10, 9, bonus_coins=5, age=2)

    paid = payment_of([A, bonus], Decisions(), Gift("g", "lea", 106))

    assert paid == ((("C", BONUS), 5), (("A", PAID), 100), (("C", PAID), 1))


@pytest.mark.parametrize(
    ("coins_left", "standing", "diamonds"),
    [(1, {"g": 0}, {"lea": 0}), (0, {"g": 1}, {"lea": 1}), (0, {"g": 0}, {"lea": 1})],
)
def test_the_law_finds_whoever_has_more_than_was_paid_for(coins_left, standing, diamonds):
    facts = [A, disputed(A)]

    assert broken_laws(facts, GIVEN, coins_left=0, standing={"g": 0}, diamonds={"lea": 0}) == []
    assert broken_laws(facts, GIVEN, coins_left=coins_left, standing=standing, diamonds=diamonds)


def test_nothing_is_left_out_of_the_orders_by_mistake():
    """How many sets and orders there are of each size."""
    sets = {size: list(sets_of(size)) for size in range(1, 6)}

    counts = {size: len(of_size) for size, of_size in sets.items()}
    assert counts == {1: 2, 2: 17, 3: 85, 4: 309, 5: 925}
    assert len(list(orders_of(sets[5][0]))) == 120
