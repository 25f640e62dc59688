"""Until when evidence of a dispute is due: read, kept in any order, shown, and never money."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.purchase.domain.disputes import follow_disputes, one_of_each
from services.purchase.domain.payment_consequences import follow_payment
from services.purchase.domain.purchases import (
    Allocation,
    Dispute,
    DisputeState,
    Payment,
    Status,
)
from services.purchase.providers.answers import DEADLINE_DAYS_MAX, deadline_in
from services.purchase.providers.paypal_answers import PayPalDispute
from services.purchase.providers.stripe_answers import StripeDispute
from services.purchase.store import disputes
from services.purchase.store.in_flight import IN_FLIGHT
from shared.backoffice.in_flight import measure
from shared.postgres.statements import text
from tests.clients import an_operator_token, client_of
from tests.metrics import metric

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OPENED = Dispute("dp_1", "pay_1", DisputeState.OPEN, "fraudulent", 499, "USD")
LOST = replace(OPENED, state=DisputeState.LOST)
FRAUD = {"id": "du_1", "status": "needs_response", "amount": 499, "currency": "usd"}
CLAIM = {
    "dispute_id": "PP-D-1",
    "status": "WAITING_FOR_SELLER_RESPONSE",
    "dispute_amount": {"currency_code": "USD", "value": "4.99"},
    "dispute_life_cycle_stage": "CHARGEBACK",
}
OURS = {"source": "SUBMITTED_BY_SELLER", "evidence_type": "OTHER"}

MANY_CLOSED = text("""
    INSERT INTO disputes (viewer, purchase, dispute, payment, state, reason, amount_minor, currency,
                          revision, recorded_at)
    SELECT viewer, purchase, 'closed_' || number, payment, 'won', reason, amount_minor, currency,
           2, recorded_at - make_interval(mins => number)
    FROM disputes, generate_series(1, 20000) AS number
""")


def in_days(days):
    """Return a time that many days from now, to the second, as providers write it."""
    return (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)


def by(days, dispute=OPENED, **about):
    return replace(dispute, evidence_due_at=NOON + timedelta(days=days), **about)


def kept_after(answers, *, newer, credited=True):
    """Return what is kept of a dispute after answers, and how many steps they led to."""
    known, steps = {}, 0
    for answer in answers:
        moved, taken = follow_disputes([answer], known, credited=credited, newer=newer)
        known |= {each.id: each for each in moved}
        steps += len(taken)
    return known["dp_1"], steps


def test_a_deadline_is_read_in_seconds_and_as_a_text():
    due_at = in_days(7)
    seconds = int(due_at.timestamp())
    texts = (due_at.isoformat(), f"{due_at:%Y-%m-%dT%H:%M:%S}.250Z", f"{due_at:%Y-%m-%dt%H:%M:%Sz}")
    assert deadline_in(seconds) == due_at
    assert [deadline_in(text).replace(microsecond=0) for text in texts] == [due_at] * 3
    assert deadline_in(due_at.astimezone().isoformat()) == due_at


@pytest.mark.parametrize(
    "absurd",
    [
        *(None, 0, "", "soon", True, -1, 1, 2**31 * 10**6, 10**30, 1.5, [], {}),
        *("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"),
        *("2026-12-01T12:00:00", "2026-02-30T12:00:00Z", "2026-12-31T23:59:60Z", "1764590400"),
    ],
)
def test_what_is_no_time_or_an_absurd_one_is_no_deadline(absurd):
    assert deadline_in(absurd) is None


def test_more_than_a_year_is_no_deadline_of_a_bank():
    assert deadline_in(in_days(DEADLINE_DAYS_MAX + 2).isoformat()) is None


@given(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text() | some.datetimes()
)
def test_whatever_a_provider_writes_as_a_deadline_its_dispute_is_read(value):
    found = StripeDispute.model_validate(FRAUD | {"evidence_details": {"due_by": value}})
    claim = PayPalDispute.model_validate(CLAIM | {"seller_response_due_date": value})
    assert found.dispute("cs_1").amount_minor == claim.dispute("order").amount_minor == 499
    assert StripeDispute.model_validate(FRAUD | {"evidence_details": value}).evidence_due_at is None
    assert not PayPalDispute.model_validate(CLAIM | {"evidences": value}).has_submitted_evidence


@pytest.mark.parametrize(
    ("status", "details", "is_due", "submitted"),
    [
        ("needs_response", {"submission_count": 0, "has_evidence": False}, True, False),
        # A draft in the dashboard went to nobody.
        ("needs_response", {"submission_count": 0, "has_evidence": True}, True, False),
        ("under_review", {"submission_count": 1, "has_evidence": True}, True, True),
        # The bank takes no evidence.
        ("needs_response", {"due_by": 0, "submission_count": 0}, False, False),
        ("needs_response", {"due_by": None, "submission_count": "many"}, False, False),
    ],
)
def test_what_stripe_says_of_evidence(status, details, is_due, submitted):
    due_at = in_days(7)
    about = {"due_by": int(due_at.timestamp())} | details
    found = StripeDispute.model_validate(FRAUD | {"status": status, "evidence_details": about})
    dispute = found.dispute("cs_1")
    expected = (due_at if is_due else None, submitted)
    assert (dispute.evidence_due_at, dispute.evidence_submitted) == expected


@pytest.mark.parametrize(
    ("status", "evidences", "is_due", "submitted"),
    [
        ("WAITING_FOR_SELLER_RESPONSE", [], True, False),
        ("OPEN", [], True, False),
        ("UNDER_REVIEW", [OURS], True, True),
        # It asks once more.
        ("WAITING_FOR_SELLER_RESPONSE", [OURS], True, False),
        # Nothing is asked of us, and nothing was handed in.
        ("UNDER_REVIEW", [{"source": "SUBMITTED_BY_BUYER"}], False, False),
        ("WAITING_FOR_BUYER_RESPONSE", [], False, False),
    ],
)
def test_what_paypal_says_of_evidence(status, evidences, is_due, submitted):
    due_at = in_days(10)
    about = {"status": status, "evidences": evidences}
    about |= {"seller_response_due_date": f"{due_at:%Y-%m-%dT%H:%M:%SZ}"}
    dispute = PayPalDispute.model_validate(CLAIM | about).dispute("order")
    expected = (due_at if is_due else None, submitted)
    assert (dispute.evidence_due_at, dispute.evidence_submitted) == expected


def test_the_newest_answer_moves_a_deadline_forth_and_back_and_publishes_nothing():
    for answers in ([by(7), by(20)], [by(20), by(7)], [by(7), OPENED]):
        kept, steps = kept_after(answers, newer=True)
        assert kept.evidence_due_at == answers[-1].evidence_due_at
        assert (steps, kept.revision) == (1, 1)
    kept, _ = kept_after([by(7), by(7, evidence_submitted=True)], newer=True)
    assert kept.evidence_submitted


@pytest.mark.parametrize("credited", [True, False])
def test_answers_whose_order_is_unknown_lead_to_one_deadline_in_any_order(credited):
    answers = [by(20), by(7), by(9, evidence_submitted=True), by(5, LOST), OPENED]
    ends = {
        (kept.evidence_due_at, kept.evidence_submitted, kept.state if credited else None)
        for order in permutations(answers)
        for kept, _ in [kept_after(order, newer=False, credited=credited)]
    }
    lost = DisputeState.LOST if credited else None
    assert ends == {(NOON + timedelta(days=5), False, lost)}


def test_a_dispute_that_is_decided_still_follows_its_deadline_and_stays_decided():
    kept, steps = kept_after([by(7, LOST), by(3)], newer=False)
    assert (kept.state, kept.evidence_due_at) == (DisputeState.LOST, NOON + timedelta(days=3))
    assert steps == 2


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_deadlines_in_one_answer_the_sooner_counts_and_contradicts_nothing(order):
    listed = [by(9), by(4), OPENED, by(2, evidence_submitted=True)][::order]
    assert one_of_each(listed) == ((by(4),), False)


def test_a_dispute_in_another_currency_has_its_deadline_too():
    payment = Payment("pay_1", "p1", Status.SUCCEEDED, 499, "USD")
    known, flagged = {}, []
    for days in (7, 9):
        claim = by(days, replace(OPENED, currency="EUR"))
        followed = follow_payment(
            replace(payment, disputes=(claim,)),
            known,
            allocation=Allocation.APPLIED,
            ours_minor=0,
            known_warnings={f"dispute:{each}" for each in known},
            newer=True,
        )
        known |= {each.id: each for each in followed.disputes}
        flagged += followed.contradictions
    assert known["dp_1"].evidence_due_at == NOON + timedelta(days=9)
    assert len(flagged) == 1


@pytest.fixture
def asked(app):
    """What support reads of disputes."""

    async def ask(**params):
        token = an_operator_token("disputes:read")
        async with client_of(app, token) as client:
            return await client.get("/v1/operator/purchase/disputes", params=params)

    return ask


@pytest.fixture
def disputed(bought_in, pretend, send_webhook):
    """Let purchases be disputed: each with its deadline, from now in days, and what else is so."""

    async def let(*deadlines):
        for number, (days, about) in enumerate(deadlines):
            purchase = await bought_in(key=f"key-{number}")
            due_at = None if days is None else in_days(days).isoformat()
            so = {"dispute": f"dp_{number}", "evidence_due_at": due_at, **about}
            pretend.dispute(purchase, **so)
            await send_webhook(purchase, "payment.disputed")

    return let


async def test_support_sees_what_is_due_first_and_what_it_comes_to(disputed, asked):
    await disputed(
        *((None, {}), (9, {}), (-1, {}), (2, {}), (1, {"evidence_submitted": True})),
        (1, {"status": "lost"}),
    )
    answer = (await asked()).json()

    names = [each["dispute"] for each in answer["items"]]
    assert names == ["dp_2", "dp_3", "dp_1", "dp_0", "dp_4", "dp_5"]
    first, *_, without, handed_in, _ = answer["items"]
    assert datetime.fromisoformat(first["evidence_due_at"]) < datetime.now(UTC)
    assert (first["amount_minor"], first["evidence_submitted"]) == (499, False)
    assert without["evidence_due_at"] is None
    assert handed_in["evidence_submitted"]
    assert answer["exposure"] == [{"currency": "USD", "disputes": 5, "amount_minor": 5 * 499}]


async def test_support_asks_for_what_is_due_within_some_days(disputed, asked):
    await disputed(
        *((None, {}), (9, {}), (-1, {}), (2, {}), (1, {"evidence_submitted": True})),
        (1, {"status": "lost"}),
    )
    found = {
        days: [each["dispute"] for each in (await asked(due_within_days=days)).json()["items"]]
        for days in (0, 2, 365)
    }
    assert found == {0: ["dp_2"], 2: ["dp_2", "dp_3"], 365: ["dp_2", "dp_3", "dp_1"]}
    assert (await asked(due_within_days=0)).json()["exposure"][0]["disputes"] == 5
    for days in (-1, 366, "soon"):
        assert (await asked(due_within_days=days)).status_code == 422


async def test_evidence_that_is_due_within_two_days_is_overdue_work(disputed, database):
    await disputed((9, {}), (1, {}), (1, {"evidence_submitted": True}), (-3, {}), (None, {}))
    for monitor in IN_FLIGHT:
        await measure(database, monitor)
    counted = {
        state: metric("ovation_in_flight", type="dispute-evidence", state=state)
        for state in ("due", "missed")
    }
    assert counted == {"due": 2, "missed": 1}
    assert metric("ovation_in_flight_overdue", type="dispute-evidence") == 1
    assert metric("ovation_in_flight_overdue", type="dispute") == 0


async def test_an_absurd_deadline_hides_no_dispute(disputed, asked):
    await disputed((9, {}), (None, {"evidence_due_at": "9999-12-31T23:59:59Z"}))
    items = (await asked()).json()["items"]
    assert [(each["dispute"], each["evidence_due_at"] is None) for each in items] == [
        ("dp_0", False),
        ("dp_1", True),
    ]


@pytest.mark.parametrize("statement", [disputes._OPEN_FIRST, disputes._DUE, disputes._EXPOSURES])  # noqa: SLF001 - what is planned
async def test_a_long_history_of_disputes_is_not_read_for_those_that_are_open(
    database, disputed, statement
):
    await disputed((9, {}))
    async with database.part_for("mira").transaction() as tx:
        await tx.execute(MANY_CLOSED)
        about = {"limit": 100, "due_before": datetime.now(UTC)}
        plan = await tx.execute(
            text(f"EXPLAIN {statement.text}"),
            {name: about[name] for name in statement.names},
        )
        lines = [row[0] for row in plan]

    assert any("disputes_open" in line for line in lines)
    assert not [line for line in lines if "Seq Scan" in line]
