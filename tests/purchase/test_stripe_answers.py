"""What Stripe says of a session, and what that is to us."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from services.purchase.domain.purchases import DisputeState, RefundStatus, Status
from services.purchase.providers.stripe_answers import (
    Refund,
    Session,
    StripeDispute,
    payment_of,
)
from services.purchase.providers.stripe_events import EVENTS, StripeEvents

NOW = 1_790_000_000


def a_transaction(net, fee=0, *, key="txn_1", currency="usd"):
    return {"id": key, "currency": currency, "net": net, "fee": fee, "created": NOW}


def a_session(status, payment_status, intent=None, **about):
    known = {
        "id": "cs_1",
        "status": status,
        "payment_status": payment_status,
        "amount_total": 999,
        "currency": "usd",
        "client_reference_id": "p1",
        "url": None,
    }
    charge = {"id": "ch_1", "created": NOW, "balance_transaction": a_transaction(940, 59)}
    if intent is not None:
        known["payment_intent"] = {
            "id": "pi_1",
            "status": intent,
            "amount_received": 999 if intent == "succeeded" else 0,
            "currency": "usd",
            "latest_charge": charge if intent == "succeeded" else None,
            "last_payment_error": {"code": "card_declined"} if "method" in intent else None,
        }
    return Session.model_validate(known | about)


def an_open_session(**about):
    return a_session(**{"status": "open", "payment_status": "unpaid"} | about)


def a_paid_session(details):
    session = a_session("complete", "paid", "succeeded").model_dump(mode="json")
    session["payment_intent"]["latest_charge"]["payment_method_details"] = details
    return Session.model_validate(session)


def test_a_card_has_one_fingerprint_in_all_its_payments_and_it_is_not_stripes():
    first, again, other = (
        payment_of(a_paid_session({"type": "card", "card": {"fingerprint": name}})).fingerprint
        for name in ("Xt5EWLLDS7FJjR1c", "Xt5EWLLDS7FJjR1c", "another")
    )

    assert first == again != other
    assert re.fullmatch("[0-9a-f]{32}", first)


@pytest.mark.parametrize("details", [None, {"type": "ideal"}, {"card": {"fingerprint": None}}])
def test_what_is_no_card_has_no_fingerprint(details):
    assert payment_of(a_paid_session(details)).fingerprint is None


@pytest.mark.parametrize(
    ("said", "status", "failure"),
    [
        (("open", "unpaid"), Status.OPEN, None),
        # A declined card: the viewer may try another one.
        (("open", "unpaid", "requires_payment_method"), Status.OPEN, None),
        (("complete", "paid", "succeeded"), Status.SUCCEEDED, None),
        # The intent is said to have succeeded before the session is.
        (("open", "unpaid", "succeeded"), Status.SUCCEEDED, None),
        (("complete", "unpaid", "processing"), Status.PROCESSING, None),
        # A voucher that is yet to be paid in a shop.
        (("complete", "unpaid", "requires_action"), Status.PROCESSING, None),
        (("complete", "unpaid", "requires_payment_method"), Status.CANCELLED, "card_declined"),
        (("complete", "unpaid", "canceled"), Status.CANCELLED, None),
        (("expired", "unpaid"), Status.CANCELLED, None),
        (("expired", "unpaid", "requires_payment_method"), Status.CANCELLED, None),
    ],
)
def test_each_state_of_a_session_is_one_of_a_payment(said, status, failure):
    payment = payment_of(a_session(*said))

    assert (payment.status, payment.failure) == (status, failure)
    assert (payment.amount_minor, payment.currency, payment.reference) == (999, "USD", "p1")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("pending", RefundStatus.PENDING),
        ("requires_action", RefundStatus.PENDING),
        ("succeeded", RefundStatus.SUCCEEDED),
        ("failed", RefundStatus.FAILED),
        ("canceled", RefundStatus.FAILED),
    ],
)
def test_each_state_of_a_refund(said, status):
    refund = Refund(id="re_1", status=said, amount=400, currency="usd", metadata={"refund": "r1"})

    payment = payment_of(a_session("complete", "paid", "succeeded"), [refund])

    (seen,) = payment.refunds
    assert (seen.reference, seen.status, seen.amount_minor) == ("r1", status, 400)
    assert payment.refunded_minor == (400 if status is RefundStatus.SUCCEEDED else 0)


def test_a_pending_refund_of_the_dashboard_has_left_our_balance():
    refund = Refund(id="re_1", status="pending", amount=400, currency="usd", metadata={})

    assert payment_of(a_session("complete", "paid", "succeeded"), [refund]).refunded_minor == 400


@pytest.mark.parametrize(
    ("said", "transactions", "state", "warning"),
    [
        ("needs_response", 1, DisputeState.OPEN, None),
        ("needs_response", 0, DisputeState.OPEN, None),
        ("under_review", 1, DisputeState.OPEN, None),
        ("won", 2, DisputeState.WON, None),
        ("lost", 1, DisputeState.LOST, None),
        ("prevented", 1, DisputeState.LOST, None),
        ("prevented", 0, None, "prevented"),
        ("warning_needs_response", 0, None, "inquiry"),
        ("warning_under_review", 0, None, "inquiry"),
        ("warning_closed", 0, None, "inquiry"),
    ],
)
def test_each_state_of_a_dispute_is_a_dispute_or_a_warning(said, transactions, state, warning):
    dispute = StripeDispute(
        id="du_1",
        status=said,
        reason="fraudulent",
        amount=999,
        currency="usd",
        balance_transactions=[
            a_transaction(-2_499, 1_500, key=f"txn_{at + 2}") for at in range(transactions)
        ],
    )

    payment = payment_of(a_session("complete", "paid", "succeeded"), [], [dispute])

    assert [each.state for each in payment.disputes] == ([state] if state else [])
    assert [each.reason for each in payment.warnings] == ([warning] if warning else [])
    (settlement,) = payment.settlements
    assert settlement.balance_minor == 940 - 2_499 * transactions
    assert settlement.fee_minor == 59 + 1_500 * transactions


@pytest.mark.parametrize(
    "about",
    [
        {"status": "abandoned"},
        {"payment_status": "no_payment_required"},
        {"amount_total": "999"},
        {"amount_total": -1},
        {"currency": "USD"},
        {"id": "cs 1"},
    ],
)
def test_an_answer_that_cannot_be_read_is_none(about):
    with pytest.raises(ValidationError):
        an_open_session(**about)


_TEXTS = some.one_of(
    some.text(max_size=8),
    some.sampled_from(["cs_1", "pi_1", "ch_1", "a\x00b", "x" * 200, "\ud800"]),
)
_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | _TEXTS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)
_OBJECTS = some.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("object", "id", "payment_intent", "charge", "metadata", "client_reference_id"), _JSON
    ),
)
_EVENTS = some.fixed_dictionaries(
    {},
    optional={
        "id": some.just("evt_1") | _JSON,
        "object": some.just("event") | _JSON,
        "type": some.sampled_from(EVENTS) | _JSON,
        "livemode": some.booleans() | _JSON,
        "api_version": some.just("2026-08-26.dahlia") | _JSON,
        "account": _JSON,
        "data": some.fixed_dictionaries({"object": _OBJECTS | _JSON}) | _JSON,
    },
)


@given(_EVENTS | _JSON)
def test_whatever_is_signed_can_be_stored(event):
    (read, again) = [
        StripeEvents("stripe", is_live=False).read(json.dumps(event).encode()) for _ in range(2)
    ]

    assert read == again
    for value in (read.webhook_id, read.kind, read.payment, read.reference):
        assert value is None or (value.isprintable() and 0 < len(value) <= 128)


@given(some.binary(max_size=64))
def test_bytes_that_are_no_event_can_be_stored(body):
    assert StripeEvents("stripe", is_live=False).read(body).payment is None


def test_balances_in_two_currencies_are_two_settlements():
    dispute = StripeDispute(
        id="du_1",
        status="lost",
        reason="fraudulent",
        amount=999,
        currency="usd",
        balance_transactions=[a_transaction(-2_000, 1_500, key="txn_2", currency="eur")],
    )

    payment = payment_of(a_session("complete", "paid", "succeeded"), [], [dispute])

    assert [
        (each.currency, each.balance_minor, each.fee_minor) for each in payment.settlements
    ] == [
        ("EUR", -2_000, 1_500),
        ("USD", 940, 59),
    ]
