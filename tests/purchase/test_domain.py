"""What becomes of a purchase: without a database, a broker or a clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.purchase.domain.disputes import DisputeClosed, Disputed
from services.purchase.domain.payment_consequences import RiskFlagged
from services.purchase.domain.purchases import (
    Allocation,
    CoinsDiffer,
    Dispute,
    DisputeState,
    EarlyFraudWarning,
    NoPayment,
    Payment,
    Purchase,
    State,
    Status,
)
from services.purchase.domain.refunds import refund_minor
from services.purchase.domain.transitions import (
    Completed,
    Expired,
    Failed,
    Paid,
    apply_credit,
    is_unwanted,
    take_steps,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
PURCHASE = Purchase(
    viewer="mia",
    id=UUID("5f7f0f6e-24a3-5f6c-b7a5-8c1f0d1d2c11"),
    package="coins_500",
    coins=500,
    bonus_coins=25,
    amount_minor=499,
    currency="USD",
    channel="web",
    country="DE",
    provider="sandbox",
    correlation_id="request-1",
    created_at=NOON,
    expires_at=NOON + timedelta(minutes=30),
)
PAYMENT = Payment(
    id="pay_1",
    reference=str(PURCHASE.id),
    status=Status.OPEN,
    amount_minor=499,
    currency="USD",
    pay_url="https://pay.example/pay_1",
)
SUCCEEDED = replace(PAYMENT, status=Status.SUCCEEDED, paid_at=NOON + timedelta(minutes=1))
CANCELLED = replace(PAYMENT, status=Status.CANCELLED)
OPENED = Dispute("dp_1", "pay_1", DisputeState.OPEN, "fraudulent", 499, "USD")
LOST = replace(OPENED, state=DisputeState.LOST)


class Till:
    """Remembers what settling leads to, as the database would."""

    def __init__(self, purchase=PURCHASE, *, ours_minor=0):
        self.purchase = purchase
        self.ours_minor = ours_minor
        self.known_warnings = set()
        self.allocations = {}
        self.disputes = {}
        self.steps = []

    def reports(self, reported, *, now=NOON):
        self._keep(
            take_steps(
                self.purchase,
                reported,
                allocations=self.allocations,
                disputes=self.disputes,
                now=now,
                ours_minor=self.ours_minor,
                known_warnings=self.known_warnings,
            ),
            reported,
        )
        return self

    def credited(self, *, coins=525):
        self._keep(apply_credit(self.purchase, coins=coins, at=NOON))
        return self

    def _keep(self, transition, reported=None):
        assert transition.purchase.version == self.purchase.version + len(transition.steps)
        self.purchase = transition.purchase
        self.steps += transition.steps
        self.known_warnings |= {
            step.warning.id for step in transition.steps if isinstance(step, RiskFlagged)
        }
        self.disputes |= {dispute.id: dispute for dispute in transition.disputes}
        if transition.allocation is not None:
            self.allocations[reported.id] = transition.allocation


def test_a_payment_makes_a_purchase_payable():
    till = Till().reports(PAYMENT)
    assert (till.purchase.state, till.purchase.next_action_url) == (
        State.PENDING,
        "https://pay.example/pay_1",
    )
    assert till.steps == []


def test_a_purchase_is_paid_and_then_completed():
    till = Till().reports(PAYMENT).reports(SUCCEEDED).credited()
    assert till.steps == [Paid(), Completed()]
    assert (till.purchase.state, till.purchase.version) == (State.COMPLETED, 2)


def test_coins_heard_of_before_the_payment_complete_the_purchase_once_it_is_paid():
    till = Till().reports(PAYMENT).credited()
    assert till.steps == []
    till.reports(SUCCEEDED)
    assert till.steps == [Paid(), Completed()]


def test_whatever_is_said_twice_happens_once():
    till = Till()
    for _ in range(2):
        till.reports(PAYMENT).reports(replace(SUCCEEDED, disputes=(LOST,))).credited()
    assert till.steps == [Paid(), Disputed(replace(LOST, revision=1)),
                          DisputeClosed(replace(LOST, revision=2)), Completed()]  # fmt: skip


def test_a_payment_nobody_asked_for_twice_is_paid_even_when_we_never_learned_of_it():
    """The provider made the payment, but its answer never arrived; the webhook comes first."""
    till = Till().reports(SUCCEEDED)
    assert (till.purchase.state, till.purchase.payment) == (State.PAID, "pay_1")


@pytest.mark.parametrize(
    "came",
    [
        replace(SUCCEEDED, amount_minor=498),
        replace(SUCCEEDED, currency="EUR"),
        replace(SUCCEEDED, refunded_minor=499),
    ],
)
def test_a_wrong_amount_or_currency_credits_nothing(came):
    till = Till().reports(PAYMENT).reports(came).reports(came)
    assert (till.purchase.state, till.steps) == (State.MISMATCHED, [])
    assert till.allocations == {"pay_1": Allocation.MISMATCHED}


def test_a_refund_nobody_asked_us_for_goes_the_way_of_a_lost_dispute():
    till = Till().reports(SUCCEEDED)
    for amount in (100, 100, 499, 100):
        till.reports(replace(SUCCEEDED, refunded_minor=amount))
    kinds = [
        (type(step).__name__, step.dispute.revision, step.dispute.amount_minor)
        for step in till.steps[1:]
    ]
    assert kinds == [("Disputed", 1, 100), ("DisputeClosed", 2, 100), ("DisputeClosed", 3, 499)]


def test_a_refund_that_we_asked_for_is_no_dispute():
    till = Till(ours_minor=499).reports(SUCCEEDED).reports(replace(SUCCEEDED, refunded_minor=499))
    assert till.steps == [Paid()]


def test_a_bank_that_changes_its_mind_is_followed():
    won = replace(LOST, state=DisputeState.WON)
    till = Till().reports(SUCCEEDED)
    for dispute in (OPENED, replace(OPENED, amount_minor=100), LOST, OPENED, won):
        till.reports(replace(SUCCEEDED, disputes=(dispute,)))
    kinds = [
        (type(step).__name__, step.dispute.revision, step.dispute.state.value)
        for step in till.steps[1:]
    ]
    assert kinds == [
        ("Disputed", 1, "open"),
        ("Disputed", 2, "open"),
        ("DisputeClosed", 3, "lost"),
        ("DisputeClosed", 4, "won"),
    ]


def test_a_warning_is_passed_on_once():
    warned = replace(SUCCEEDED, warnings=(EarlyFraudWarning("ew_1", "stolen"),))
    till = Till().reports(warned).reports(warned)
    assert till.steps == [Paid(), RiskFlagged(EarlyFraudWarning("ew_1", "stolen"))]


def test_unused_coins_are_worth_their_part_of_the_price_rounded_up():
    purchase = replace(PURCHASE, coins=500, bonus_coins=0, amount_minor=499)
    assert refund_minor(purchase, 380) == 380
    assert refund_minor(purchase, 500) == 499
    assert refund_minor(purchase, 1) == 1
    assert refund_minor(purchase, 0) == 0


@pytest.mark.parametrize(
    ("currency", "price", "unused", "refund"),
    [
        ("KWD", 3_050, 1, 10),
        ("KWD", 3_050, 100, 610),
        ("KWD", 3_050, 101, 620),
        ("KWD", 3_050, 500, 3_050),
        ("KWD", 3_055, 500, 3_055),
        ("MGA", 4_500_000, 1, 9_000),
        ("MGA", 4_500_000, 7, 63_000),
        ("MGA", 4_499_900, 1, 9_000),
        ("HUF", 399_000, 333, 265_800),
        ("HUF", 399_050, 500, 399_050),
    ],
)
def test_a_refund_is_rounded_up_to_what_can_be_paid(currency, price, unused, refund):
    purchase = replace(PURCHASE, coins=500, bonus_coins=0, amount_minor=price, currency=currency)
    assert refund_minor(purchase, unused) == refund


def test_bonus_coins_are_worth_as_much_as_the_others_and_all_of_them_the_price():
    assert refund_minor(PURCHASE, 525) == 499
    assert refund_minor(PURCHASE, 500) == 476
    assert refund_minor(PURCHASE, 0) == 0
    assert refund_minor(PURCHASE, 10_000) == 499


@given(
    price=st.integers(1, 100_000),
    coins=st.integers(1, 5_000),
    bonus=st.integers(0, 500),
    parts=st.lists(st.integers(1, 2_000), max_size=6),
)
def test_several_refunds_never_exceed_the_price_and_each_is_what_the_law_demands(
    price, coins, bonus, parts
):
    purchase = replace(PURCHASE, amount_minor=price, coins=coins, bonus_coins=bonus)
    left, given_back, exact = coins + bonus, 0, 0
    for part in parts:
        unused = min(part, left)
        amount = refund_minor(purchase, unused, given_back_minor=given_back)
        left, given_back, exact = left - unused, given_back + amount, exact + unused
        assert given_back <= price
        assert given_back * (coins + bonus) >= price * exact
    if exact == coins + bonus:
        assert given_back == price


def test_the_right_payment_is_honoured_after_a_wrong_one():
    till = (
        Till().reports(replace(SUCCEEDED, amount_minor=1)).reports(replace(SUCCEEDED, id="pay_2"))
    )
    assert till.steps == [Paid()]
    assert till.purchase.payment == "pay_2"


def test_a_second_payment_is_remembered_and_not_credited():
    till = Till().reports(SUCCEEDED).reports(replace(SUCCEEDED, id="pay_2"))
    assert till.steps == [Paid()]
    assert till.allocations == {"pay_1": Allocation.APPLIED, "pay_2": Allocation.OVERPAYMENT}


def test_a_purchase_nobody_paid_in_time_expires():
    till = Till().reports(PAYMENT).reports(CANCELLED, now=LATER).reports(CANCELLED, now=LATER)
    assert (till.purchase.state, till.steps) == (State.EXPIRED, [Expired()])


def test_a_purchase_the_provider_never_heard_of_expires():
    assert Till().reports(NoPayment(), now=LATER).steps == [Expired()]


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_a_declined_payment_that_is_cancelled_or_needs_no_cancelling_fails(status):
    declined = replace(PAYMENT, status=status, failure="card_declined")
    till = Till().reports(PAYMENT).reports(declined).reports(declined)
    assert (till.purchase.state, till.steps) == (State.FAILED, [Failed("card_declined")])


def test_a_payment_the_payer_cancels_fails_the_purchase():
    assert Till().reports(PAYMENT).reports(CANCELLED).steps == [Failed("cancelled")]


def test_a_payment_the_provider_will_not_make_fails_the_purchase():
    assert Till().reports(NoPayment("amount-too-small")).steps == [Failed("amount-too-small")]


@pytest.mark.parametrize("given_up", [NoPayment(), replace(CANCELLED, failure="card_declined")])
def test_money_that_comes_late_is_honoured(given_up):
    till = Till().reports(PAYMENT).reports(given_up, now=LATER).reports(SUCCEEDED, now=LATER)
    assert till.steps[1:] == [Paid()]
    assert till.purchase.late


def test_the_right_money_after_wrong_money_after_the_end_is_late_as_well():
    till = Till().reports(NoPayment(), now=LATER).reports(replace(SUCCEEDED, currency="EUR"))
    assert till.reports(replace(SUCCEEDED, id="pay_2")).purchase.late


def test_money_that_comes_in_time_is_not_late():
    assert not Till().reports(PAYMENT).reports(SUCCEEDED, now=LATER).purchase.late


def test_a_cancelled_second_payment_changes_nothing():
    till = Till().reports(PAYMENT).reports(replace(CANCELLED, id="pay_2"))
    assert till.purchase.state is State.PENDING


@pytest.mark.parametrize("order", list(permutations(["paid", "opened", "lost", "credited"])))
def test_in_whatever_order_we_hear_every_step_is_taken_once_and_in_its_order(order):
    """The provider's word is a state and not an event: who hears late, hears all at once."""
    till = Till()
    word = {
        "paid": SUCCEEDED,
        "opened": replace(SUCCEEDED, disputes=(OPENED,)),
        "lost": replace(SUCCEEDED, disputes=(LOST,)),
    }
    for received in order:
        till.credited() if received == "credited" else till.reports(word[received])
    kinds = [type(step) for step in till.steps]
    assert sorted(kind.__name__ for kind in kinds) == [
        "Completed",
        "DisputeClosed",
        "Disputed",
        "Paid",
    ]
    assert kinds.index(Paid) < kinds.index(Completed)
    assert kinds.index(Paid) < kinds.index(Disputed) < kinds.index(DisputeClosed)
    assert till.purchase.state is State.COMPLETED
    assert till.disputes["dp_1"].state is DisputeState.LOST


def test_a_dispute_over_money_that_credited_nothing_is_only_recorded():
    till = Till().reports(SUCCEEDED).reports(replace(SUCCEEDED, id="pay_2", disputes=(LOST,)))
    assert till.steps == [Paid()]
    assert till.disputes["dp_1"].revision == 0


def test_another_number_of_coins_than_bought_is_refused():
    with pytest.raises(CoinsDiffer):
        Till().reports(SUCCEEDED).credited(coins=524)


@pytest.mark.parametrize(
    ("status", "now", "paid", "unwanted"),
    [
        (Status.OPEN, NOON, False, False),
        (Status.OPEN, LATER, False, True),
        (Status.OPEN, NOON, True, True),
        (Status.FAILED, NOON, False, True),
        (Status.PROCESSING, LATER, False, False),
        (Status.SUCCEEDED, LATER, False, False),
        (Status.CANCELLED, LATER, False, False),
    ],
)
def test_what_may_still_be_paid_in_vain_is_cancelled_first(status, now, paid, unwanted):
    purchase = replace(PURCHASE, paid_at=NOON if paid else None)
    assert is_unwanted(purchase, replace(PAYMENT, status=status), now=now) is unwanted


STATUSES = st.builds(
    replace,
    st.just(PAYMENT),
    id=st.sampled_from(["pay_1", "pay_2"]),
    status=st.sampled_from(Status),
    amount_minor=st.sampled_from([499, 498]),
    disputes=st.sampled_from([(), (OPENED,), (LOST,)]),
) | st.builds(NoPayment)


@given(
    received=st.lists(st.tuples(STATUSES | st.just("credited"), st.sampled_from([NOON, LATER]))),
)
def test_whatever_a_provider_says_coins_are_owed_once_and_exactly_when_they_were_paid(received):
    till = Till()
    for reported, now in received:
        till.credited() if reported == "credited" else till.reports(reported, now=now)

    kinds = [type(step) for step in till.steps]
    owed = [
        payment
        for payment, allocation in till.allocations.items()
        if allocation is Allocation.APPLIED
    ]
    assert kinds.count(Paid) == len(owed) <= 1
    assert (Paid in kinds) == (till.purchase.paid_at is not None)
    assert (Completed in kinds) == (till.purchase.state is State.COMPLETED)
    assert kinds.count(Completed) + kinds.count(Failed) + kinds.count(Expired) <= 2
    assert kinds.count(Failed) + kinds.count(Expired) <= 1
    assert till.purchase.version == len(kinds)
    if Paid in kinds:
        assert {Failed, Expired}.isdisjoint(kinds[kinds.index(Paid) :])
        assert till.purchase.late == (not {Failed, Expired}.isdisjoint(kinds))
    else:
        assert {Disputed, DisputeClosed, Completed}.isdisjoint(kinds)
