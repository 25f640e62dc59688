"""The tables stop what the code should never try, and look as the code believes they do."""

import pytest
from asyncpg import InsufficientPrivilegeError, IntegrityConstraintViolationError
from sqlalchemy import text

from services.purchase.tables import PurchaseTable
from tests.drift import drift

PURCHASE = """
    INSERT INTO purchases (viewer, id, idempotency_key, request_hash, package, coins, bonus_coins,
                           amount_minor, currency, channel, country, provider, correlation_id,
                           state, payment, next_action_url, late, version, created_at, expires_at,
                           paid_at, credited_at, next_check_at)
    VALUES ('mira', {id}, {key}, '', 'coins_100', {coins}, {bonus}, {amount}, {currency},
            {channel}, {country}, 'sandbox', 'story', {state}, {payment}, {url}, {late}, {version},
            now(), now(), {paid}, {credited}, {check})
"""
A_PURCHASE = {
    "id": "'00000000-0000-0000-0000-000000000001'",
    "key": "'key-1'",
    "coins": 100,
    "bonus": 0,
    "amount": 99,
    "currency": "'USD'",
    "channel": "'web'",
    "country": "NULL",
    "state": "'created'",
    "payment": "NULL",
    "url": "NULL",
    "late": "false",
    "version": 0,
    "paid": "NULL",
    "credited": "NULL",
    "check": "now()",
}
PAID = {"state": "'paid'", "payment": "'pay_1'", "paid": "now()", "check": "NULL"}
PAYMENT = """
    INSERT INTO payments (viewer, purchase, payment, allocation, amount_minor, currency, paid_at)
    VALUES ('mira', '00000000-0000-0000-0000-000000000001', {payment}, {allocation}, {amount},
            'USD', now())
"""
DISPUTE = """
    INSERT INTO disputes (viewer, purchase, dispute, payment, state, reason, amount_minor, currency,
                          revision)
    VALUES ('mira', '00000000-0000-0000-0000-000000000001', 'dp_1', 'pay_1', {state}, 'fraudulent',
            {amount}, 'USD', {revision})
"""
WEBHOOK_EVENT = """
    INSERT INTO webhook_events (provider, webhook_id, kind, payload_hash, viewer, purchase,
                               received_at, applied_at, next_check_at)
    VALUES ('sandbox', 'msg_1', 'payment.succeeded', '', {viewer}, {purchase}, now(), {applied},
            {check})
"""

ANSWER = """
    INSERT INTO provider_answers (viewer, purchase, payment, fee_minor, given_back_minor, entries)
    VALUES ('mira', '00000000-0000-0000-0000-000000000001', 'pay_1', {fee}, {back}, {entries})
"""
REFUND = """
    INSERT INTO refunds (viewer, purchase, id, idempotency_key, request_hash, requested_by, state,
                         currency, requested_at, look_at, looks)
    VALUES ('mira', '00000000-0000-0000-0000-000000000001', gen_random_uuid(), 'k', '', 'viewer',
            'requested', 'USD', now(), {look}, {looks})
"""


async def run(database, *statements):
    async with database.transaction() as tx:
        for statement in statements:
            await tx.execute(text(statement))


def a_purchase(**about):
    return PURCHASE.format(**{**A_PURCHASE, **about})


WRONG_PURCHASES: list[tuple[str, dict[str, object]]] = [
    ("purchase_has_coins", {"coins": 0}),
    ("purchase_bonus_known", {"bonus": -1}),
    ("purchase_has_price", {"amount": 0}),
    ("purchase_currency_known", {"currency": "'usd'"}),
    ("purchase_channel_known", {"channel": "'fax'"}),
    ("purchase_country_known", {"country": "'Germany'"}),
    ("purchase_state_known", {"state": "'lost'", "check": "NULL"}),
    ("purchase_version_counts", {"version": -1}),
    ("purchase_pending_is_payable", {"state": "'pending'", "payment": "'pay_1'"}),
    ("purchase_pending_is_payable", {"state": "'pending'", "url": "'https://pay'"}),
    ("purchase_paid_by_a_payment", {**PAID, "paid": "NULL"}),
    ("purchase_paid_by_a_payment", {**PAID, "payment": "NULL"}),
    ("purchase_paid_by_a_payment", {"paid": "now()", "payment": "'pay_1'"}),
    ("purchase_completed_is_credited", {**PAID, "state": "'completed'"}),
    ("purchase_completed_is_credited", {**PAID, "credited": "now()"}),
    ("purchase_late_once_money_came", {"late": "true"}),
    ("purchase_followed_while_open", {"check": "NULL"}),
    ("purchase_followed_while_open", {**PAID, "check": "now()"}),
]


async def test_a_purchase_that_cannot_be_is_refused(database, subtests):
    for constraint, wrong in WRONG_PURCHASES:
        with (
            subtests.test(constraint, **wrong),
            pytest.raises(IntegrityConstraintViolationError, match=constraint),
        ):
            await run(database, a_purchase(**wrong))


async def test_a_key_buys_once(database):
    again = a_purchase(id="gen_random_uuid()")
    with pytest.raises(IntegrityConstraintViolationError, match="one_purchase_a_key"):
        await run(database, a_purchase(), again)


WRONG_ROWS = [
    (
        "payment_allocation_known",
        PAYMENT.format(payment="'pay_1'", allocation="'lent'", amount=99),
    ),
    (
        "payment_amount_known",
        PAYMENT.format(payment="'pay_1'", allocation="'applied'", amount=-1),
    ),
    ("dispute_state_known", DISPUTE.format(state="'moot'", amount=99, revision=2)),
    ("dispute_amount_known", DISPUTE.format(state="'open'", amount=-1, revision=1)),
    ("dispute_revision_counts", DISPUTE.format(state="'open'", amount=99, revision=-1)),
    ("answer_fee_known", ANSWER.format(fee=-1, back=0, entries=0)),
    ("answer_given_back_known", ANSWER.format(fee=0, back=-1, entries=0)),
    ("answer_entries_count", ANSWER.format(fee=0, back=0, entries=-1)),
    ("refund_looks_count", REFUND.format(look="NULL", looks=-1)),
    ("refund_looked_at_once_decided", REFUND.format(look="now()", looks=0)),
    (
        "webhook_event_matches_a_purchase",
        WEBHOOK_EVENT.format(viewer="'m'", purchase="NULL", applied="NULL", check="NULL"),
    ),
    (
        "webhook_event_applied_is_done",
        WEBHOOK_EVENT.format(viewer="NULL", purchase="NULL", applied="now()", check="now()"),
    ),
]


async def test_a_row_that_cannot_be_is_refused(database, subtests):
    for constraint, statement in WRONG_ROWS:
        with (
            subtests.test(constraint),
            pytest.raises(IntegrityConstraintViolationError, match=constraint),
        ):
            await run(database, a_purchase(**PAID), statement)


async def test_two_payments_never_credit_one_purchase(database):
    first, second = (
        PAYMENT.format(payment=payment, allocation="'applied'", amount=99)
        for payment in ("'pay_1'", "'pay_2'")
    )
    with pytest.raises(IntegrityConstraintViolationError, match="one_applied_payment_a_purchase"):
        await run(database, a_purchase(**PAID), first, second)


@pytest.mark.parametrize(
    "statement",
    [PAYMENT.format(payment="'pay_1'", allocation="'applied'", amount=99),
     DISPUTE.format(state="'open'", amount=99, revision=1)],
)  # fmt: skip
async def test_money_belongs_to_a_purchase(database, statement):
    with pytest.raises(IntegrityConstraintViolationError, match="foreign key"):
        await run(database, statement)


REWRITES = [
    "UPDATE payments SET amount_minor = 0",
    "DELETE FROM payments",
    "DELETE FROM purchases",
    "DELETE FROM disputes",
    "DELETE FROM webhook_events",
    "DELETE FROM provider_answers",
    "TRUNCATE payments",
]


async def test_history_cannot_be_rewritten_by_the_service_itself(database, subtests):
    for statement in REWRITES:
        with subtests.test(statement), pytest.raises(InsufficientPrivilegeError, match="denied"):
            await run(database, statement)


async def test_the_tables_are_what_the_code_believes(database):
    assert await drift(database, PurchaseTable.metadata) == []
