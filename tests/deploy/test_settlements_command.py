"""A provider's settlement file is compared with the books, and what differs is listed."""

import json
from io import StringIO
from uuid import uuid4

import pytest

from deploy.config.databases import in_own_thread, run_sql
from deploy.ctl.commands import settlements as commands
from deploy.ctl.installation import Installation
from deploy.ctl.settlement_files import Unreadable, read_lines
from tests.terminal import a_terminal

STRIPE = (
    "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,"
    "charge_id,payment_intent_id"
)
PAYPAL = (
    '"CH","Transaction ID","Invoice ID","PayPal Reference ID","PayPal Reference ID Type",'
    '"Transaction Event Code","Transaction Initiation Date","Transaction Completion Date",'
    '"Transaction Debit or Credit","Gross Transaction Amount","Gross Transaction Currency",'
    '"Fee Debit or Credit","Fee Amount","Fee Currency"'
)
PURCHASE = """
    INSERT INTO purchases (viewer, id, idempotency_key, request_hash, package, coins, bonus_coins,
                           amount_minor, currency, channel, provider, correlation_id, state, late,
                           version, created_at, expires_at, paid_at, credited_at, payment,
                           tax_minor, consumption_consent, checks)
    VALUES ('mira', '{id}', '{id}', '', 'coins_100', 100, 0, {amount}, 'USD', 'web', '{provider}',
            'c', 'completed', false, 1, now(), now(), now(), now(), 'cs_{name}', 0, false, 0);
    INSERT INTO payments (viewer, purchase, payment, allocation, amount_minor, currency, paid_at)
    VALUES ('mira', '{id}', 'cs_{name}', 'applied', {amount}, 'USD', '2026-11-28 10:00:00+00');
    INSERT INTO payment_names (provider, name, viewer, purchase, payment)
    VALUES ('{provider}', 'ch_{name}', 'mira', '{id}', 'cs_{name}');
    INSERT INTO provider_answers (viewer, purchase, payment, given_back_minor, entries,
                                  settlements, exchanged_minor, given_back_tax_minor)
    VALUES ('mira', '{id}', 'cs_{name}', 0, 1, '{settlements}', 0, 0)
"""


@pytest.fixture
def purchases(database_of):
    return database_of("purchase")


@pytest.fixture
def match(monkeypatch, vhost, postgres, rabbit, credentials, purchases, tmp_path):
    """Match a file with this test's own books; returns the exit code and what was said."""
    run = a_terminal(
        monkeypatch, postgres=postgres, rabbit=rabbit, vhost=vhost, secrets=credentials
    )
    here = Installation(
        f"{postgres.host}:{postgres.port}",
        rabbit.management_url,
        f"{rabbit.host}:{rabbit.port}",
        secret=credentials.read,
        vhost=vhost,
        databases={"purchase": purchases.name},
    )
    monkeypatch.setattr(commands, "here", lambda: here)

    def match_lines(provider, *lines):
        file = tmp_path / "settlement.csv"
        file.write_text("\n".join(lines) + "\n")
        arguments = ("settlements", "match", str(file), "--provider", provider, "--json")
        code, printed = in_own_thread(lambda: run(*arguments))
        return code, json.loads(printed)

    return match_lines


@pytest.fixture
def booked(postgres, purchases):
    """Let payments be in the books: what is left of each, and the fee."""

    def book(provider="stripe-eu", **payments):
        for name, (balance_minor, fee_minor) in payments.items():
            settlement = {"currency": "USD", "balance_minor": balance_minor, "fee_minor": fee_minor}
            about = {
                "id": uuid4(),
                "name": name,
                "provider": provider,
                "amount": 999,
                "settlements": json.dumps([settlement]),
            }
            run_sql(postgres.dsn(purchases.name), [PURCHASE.format(**about)])

    return book


def kinds(document):
    return {(each["kind"], each["payment"]) for each in document["exceptions"]}


def test_a_file_that_says_what_the_books_say_has_no_exceptions(match, booked):
    booked(a=(939, 60), b=(0, 60), c=(1, 2))
    code, said = match(
        "stripe-eu",
        STRIPE,
        "txn_1,2026-11-28 10:00:00,usd,9.99,0.60,9.39,charge,ch_a,ch_a,pi_a",
        "txn_2,2026-11-28 10:00:00,usd,9.99,0.60,9.39,charge,ch_b,ch_b,pi_b",
        "txn_3,2026-11-28 12:00:00,usd,-9.39,0.00,-9.39,refund,re_b,ch_b,pi_b",
        # Its sale was in an earlier file.
        "txn_4,2026-11-28 12:00:00,usd,-9.39,0.00,-9.39,refund,re_c,ch_c,pi_c",
        "txn_5,2026-11-29 00:00:00,usd,-20.00,0.00,-20.00,payout,po_1,,",
    )

    assert (code, said["exceptions"]) == (0, [])
    assert said["summary"] == {
        "lines": 5,
        "of_no_payment": 1,
        "payments": 2,
        "of_earlier_sales": 1,
        "mismatches": 0,
    }


def test_whatever_differs_is_listed_by_its_kind(match, booked):
    booked(a=(939, 60), b=(939, 60), c=(939, 60), d=(939, 60))
    code, said = match(
        "stripe-eu",
        STRIPE,
        "txn_1,2026-11-28 10:00:00,usd,9.99,0.60,9.39,charge,ch_a,ch_a,pi_a",
        "txn_2,2026-11-28 09:00:00,usd,9.98,0.60,9.38,charge,ch_b,ch_b,pi_b",
        "txn_3,2026-11-28 11:00:00,usd,10.00,0.61,9.39,charge,ch_c,ch_c,pi_c",
        "txn_4,2026-11-28 11:00:00,usd,9.99,0.60,9.39,charge,ch_x,ch_x,pi_x",
    )

    assert code == 1
    assert kinds(said) == {
        ("amount-differs", "cs_b"),
        ("fee-differs", "cs_c"),
        ("in-file-only", "ch_x"),
        ("in-books-only", "cs_d"),
    }
    assert said["summary"]["mismatches"] == 4


def test_payments_of_another_provider_are_none_of_its_business(match, booked):
    booked(a=(939, 60))
    booked("stripe-us", b=(939, 60))
    code, said = match(
        "stripe-eu",
        STRIPE,
        "txn_1,2026-11-28 10:00:00,usd,9.99,0.60,9.39,charge,ch_a,ch_a,pi_a",
    )

    assert (code, said["exceptions"]) == (0, [])


def test_paypals_report_is_read_in_its_own_units_and_signs(match, booked):
    booked("paypal", a=(939, 60), b=(-30, 30))
    time = '"2026/11/28 02:00:00 -0800"'
    code, said = match(
        "paypal",
        '"RH","2026/11/29 00:00:00 -0800","A","ACCOUNT",009,',
        '"SH","2026/11/28 00:00:00 -0800","2026/11/28 23:59:59 -0800","ACCOUNT",""',
        PAYPAL,
        f'"SB","ch_a","","","","T0006",{time},{time},"CR",999,"USD","DR",60,"USD"',
        f'"SB","ch_b","","","","T0006",{time},{time},"CR",999,"USD","DR",60,"USD"',
        f'"SB","re_b","","ch_b","TXN","T1107",{time},{time},"DR",999,"USD","CR",30,"USD"',
        f'"SB","po_1","","","","T0400",{time},{time},"DR",939,"USD","",,""',
        '"SF","USD",0,0,0,0,0,0,0,0',
    )

    assert (code, said["exceptions"]) == (0, [])
    assert said["summary"]["payments"] == 2
    assert said["summary"]["of_no_payment"] == 1


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["date,amount"], "no column reporting_category"),
        ([STRIPE, "t,2026-11-28,usd,9.999,0,0,charge,ch,ch,pi"], "line 2: '9.999' is no amount"),
        ([STRIPE, "t,2026-11-28,xyz,9.99,0,0,charge,ch,ch,pi"], "line 2: 'XYZ' is no currency"),
        ([STRIPE, "t,yesterday,usd,9.99,0,0,charge,ch,ch,pi"], "line 2: 'yesterday' is no time"),
        (['"RH",1', '"SB","ch_a"'], "names of columns are missing"),
        (['"RH",1', '"FH",1'], "no settlement report"),
        (['"RH",1', '"CH","Transaction ID"', '"SB","ch_a"'], "column 'Transaction Event Code'"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(lines, why):
    with pytest.raises(Unreadable, match=why):
        list(read_lines(StringIO("\n".join(lines))))


def test_yen_have_no_decimals_and_dinars_three():
    lines = [
        STRIPE,
        "t,2026-11-28,jpy,1600,50,1550,charge,ch,ch,pi",
        "t,2026-11-28,kwd,-3.05,0.1,0,refund,re,ch,pi",
    ]
    yen, dinars = read_lines(StringIO("\n".join(lines)))

    assert (yen.gross_minor, yen.fee_minor) == (1_600, 50)
    assert (dinars.gross_minor, dinars.fee_minor) == (-3_050, 100)
