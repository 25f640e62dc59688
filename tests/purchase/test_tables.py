"""The tables stop what the code should never try, and look as the code believes they do."""

import pytest
from asyncpg import InsufficientPrivilegeError, IntegrityConstraintViolationError

from services.purchase.tables import PurchaseTable
from shared.postgres.statements import text
from tests.drift import drift

PURCHASE = """
    INSERT INTO purchases (viewer, id, idempotency_key, request_hash, package, coins, bonus_coins,
                           amount_minor, currency, channel, country, provider, correlation_id,
                           state, payment, next_action_url, late, version, created_at, expires_at,
                           paid_at, credited_at, next_check_at, withdrawn_at, withdrawal_days,
                           watch_at, counted_minor, first_purchase_coins, promo_coins,
                           promo_days, campaign, promise, ip_country, payment_fingerprint)
    VALUES ('mira', {id}, {key}, '', 'coins_100', {coins}, {bonus}, {amount}, {currency},
            {channel}, {country}, 'sandbox', 'story', {state}, {payment}, {url}, {late}, {version},
            now(), now(), {paid}, {credited}, {check}, {withdrawn}, {days},
            {watch}, {counted}, {first}, {promo}, {promo_days}, {campaign}, {promise}, {ip_country},
            {fingerprint})
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
    "withdrawn": "NULL",
    "days": 14,
    "counted": 99,
    "first": 0,
    "promo": 0,
    "promo_days": 0,
    "campaign": "NULL",
    "promise": "NULL",
    "fingerprint": "NULL",
    "watch": "NULL",
    "ip_country": "NULL",
}
CAMPAIGN = """
    INSERT INTO campaigns (name, code, coins, coins_min, budget_coins, promised_coins, coins_days,
                           valid_from, valid_until, countries)
    VALUES ({name}, {code}, {coins}, {least}, 100, {promised}, {days}, now(), now(), '{{}}')
"""
A_CAMPAIGN = {
    "name": "'winter'",
    "code": "'WINTER'",
    "coins": 10,
    "least": 0,
    "promised": 0,
    "days": 7,
}
PROMISE = """
    INSERT INTO campaign_promises (id, campaign, viewer, purchase, coins, promised_at)
    VALUES (gen_random_uuid(), 'winter', 'mira', gen_random_uuid(), 0, now())
"""
PROMOTED = {
    "promo": 10,
    "promo_days": 7,
    "campaign": "'winter'",
    "promise": "gen_random_uuid()",
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
    INSERT INTO provider_answers (viewer, purchase, payment, fee_minor, given_back_minor, entries,
                                  settlements)
    VALUES ('mira', '00000000-0000-0000-0000-000000000001', 'pay_1', {fee}, {back}, {entries},
            '{settlements}')
"""
REFUND = """
    INSERT INTO refunds (viewer, purchase, id, idempotency_key, request_hash, requested_by, state,
                         currency, requested_at, look_at, looks)
    VALUES ('mira', '00000000-0000-0000-0000-000000000001', gen_random_uuid(), 'k', '', 'viewer',
            'requested', 'USD', now(), {look}, {looks})
"""


ACCEPTANCE = """
    INSERT INTO acceptances (viewer, purchase, paid_at, next_check_at, accepted_at, rejected)
    VALUES ('mira', '00000000-0000-0000-0000-000000000001', now(), {check}, {accepted}, {rejected})
"""


WITHDRAWAL = """
    INSERT INTO withdrawals (viewer, purchase, id, idempotency_key, request_hash, consumer_name,
                             received_at, period_ends_at, refund, reason)
    VALUES ('mira', '00000000-0000-0000-0000-000000000001', gen_random_uuid(), 'k', '', 'Mira',
            now(), {end}, {refund}, {reason})
"""


EVIDENCE = """
    INSERT INTO country_evidence (viewer, purchase, kind, country)
    VALUES ('mira', '00000000-0000-0000-0000-000000000001', {kind}, {country})
"""


QUESTION = """
    INSERT INTO store_questions (viewer, purchase, id, question, asked_at, coins, used_coins,
                                 next_check_at)
    VALUES ('mira', '00000000-0000-0000-0000-000000000001', gen_random_uuid(), 'q', now(),
            {coins}, {used}, {check})
"""


async def run(database, *statements):
    async with database.part_for("mira").transaction() as tx:
        for statement in statements:
            await tx.execute(text(statement))


def a_purchase(**about):
    return PURCHASE.format(**{**A_PURCHASE, **about})


WRONG_PURCHASES: list[tuple[str, dict[str, object]]] = [
    ("purchase_has_coins", {"coins": 0}),
    ("purchase_bonus_known", {"bonus": -1}),
    ("purchase_has_price", {"amount": 0}),
    ("purchase_counts", {"counted": -1}),
    ("purchase_promises_coins", {"first": -1}),
    ("purchase_promises_coins", {"promo": -1}),
    ("purchase_promises_coins", {"promo": 10, "promo_days": 7}),
    ("purchase_promises_coins", {**PROMOTED, "promo_days": 0}),
    ("purchase_promises_coins", {**PROMOTED, "promise": "NULL"}),
    ("purchase_given_up_promises_nothing", {"state": "'failed'", "check": "NULL", "first": 10}),
    ("purchase_given_up_promises_nothing", {"state": "'expired'", "check": "NULL", **PROMOTED}),
    ("purchase_given_up_promises_nothing", {"state": "'mismatched'", "check": "NULL", "first": 10}),
    ("purchase_given_up_promises_nothing", {**PAID, **PROMOTED, "late": "true"}),
    ("purchase_currency_known", {"currency": "'usd'"}),
    ("purchase_channel_known", {"channel": "'fax'"}),
    ("purchase_country_known", {"country": "'Germany'"}),
    ("purchase_fingerprint_known", {"fingerprint": "'4242'"}),
    ("purchase_ip_country_known", {"ip_country": "'de'"}),
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
    ("purchase_withdrawal_days_known", {"days": 0}),
    ("purchase_withdrawn_once_paid", {"withdrawn": "now()"}),
    ("purchase_withdrawn_once_paid", {**PAID, "withdrawn": "now()", "days": "NULL"}),
    ("purchase_watched_once_paid", {"watch": "now()"}),
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


@pytest.mark.parametrize(
    ("constraint", "wrong"),
    [
        ("campaign_gives_coins", {"coins": 0}),
        ("campaign_minimum_known", {"least": -1}),
        ("campaign_coins_expire", {"days": 0}),
        ("campaign_keeps_its_budget", {"promised": 101}),
        ("campaign_keeps_its_budget", {"promised": -1}),
    ],
)
async def test_a_campaign_that_cannot_be_is_refused(database, constraint, wrong):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, CAMPAIGN.format(**{**A_CAMPAIGN, **wrong}))


async def test_a_promise_has_coins(database):
    with pytest.raises(IntegrityConstraintViolationError, match="promise_has_coins"):
        await run(database, CAMPAIGN.format(**A_CAMPAIGN), PROMISE)


@pytest.mark.parametrize(
    ("constraint", "about"),
    [("one_promotion", PROMOTED), ("one_first_purchase", {"first": 10})],
)
async def test_a_viewer_has_no_promise_twice(database, constraint, about):
    second = a_purchase(id="gen_random_uuid()", key="'key-2'", **about)
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, CAMPAIGN.format(**A_CAMPAIGN), a_purchase(**about), second)


async def test_a_code_is_one_campaign(database):
    other = CAMPAIGN.format(**{**A_CAMPAIGN, "name": "'summer'"})
    with pytest.raises(IntegrityConstraintViolationError, match="one_campaign_a_code"):
        await run(database, CAMPAIGN.format(**A_CAMPAIGN), other)


async def test_a_key_buys_once(database):
    again = a_purchase(id="gen_random_uuid()")
    with pytest.raises(IntegrityConstraintViolationError, match="one_purchase_a_key"):
        await run(database, a_purchase(), again)


WRONG_ROWS = [
    ("evidence_kind_known", EVIDENCE.format(kind="'rumour'", country="'DE'")),
    ("evidence_country_is_a_code", EVIDENCE.format(kind="'host'", country="'Germany'")),
    ("question_coins_known", QUESTION.format(coins=0, used=0, check="now()")),
    ("question_has_a_share", QUESTION.format(coins=5, used=6, check="now()")),
    ("question_answered_with_a_share", QUESTION.format(coins=5, used=5, check="NULL")),
    ("question_answered_with_a_share", QUESTION.format(coins="NULL", used="NULL", check="now()")),
    (
        "acceptance_has_one_end",
        ACCEPTANCE.format(check="NULL", accepted="NULL", rejected="NULL"),
    ),
    (
        "acceptance_has_one_end",
        ACCEPTANCE.format(check="now()", accepted="now()", rejected="NULL"),
    ),
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
    ("answer_fee_known", ANSWER.format(fee=-1, back=0, entries=0, settlements=[])),
    ("answer_given_back_known", ANSWER.format(fee=0, back=-1, entries=0, settlements=[])),
    ("answer_entries_count", ANSWER.format(fee=0, back=0, entries=-1, settlements=[])),
    ("answer_settlements_listed", ANSWER.format(fee=0, back=0, entries=0, settlements=7)),
    ("withdrawal_was_in_time", WITHDRAWAL.format(end="now()", refund="NULL", reason="'disputed'")),
    (
        "withdrawal_has_refund_or_reason",
        WITHDRAWAL.format(end="now() + interval '1 day'", refund="NULL", reason="NULL"),
    ),
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
    "UPDATE country_evidence SET country = 'DE'",
    "DELETE FROM country_evidence",
    "UPDATE withdrawals SET received_at = now()",
    "DELETE FROM withdrawals",
    "DELETE FROM webhook_events",
    "DELETE FROM provider_answers",
    "TRUNCATE payments",
]


async def test_history_cannot_be_rewritten_by_the_service_itself(database, subtests):
    for statement in REWRITES:
        with subtests.test(statement), pytest.raises(InsufficientPrivilegeError, match="denied"):
            await run(database, statement)


async def test_the_tables_are_what_the_code_believes(database):
    if database.part_count > 1:
        pytest.skip("the same migrations make the tables of a part")
    assert await drift(database, PurchaseTable.metadata) == []
