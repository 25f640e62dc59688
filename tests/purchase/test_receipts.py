"""Receipts: one for each sale, numbered without gaps, the same for ever."""

import asyncio
import json
import re
import sys
from dataclasses import replace
from html import unescape
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from services.purchase import jobs
from services.purchase.domain.invoices import InvoiceRules
from services.purchase.domain.promotions import Promotions
from services.purchase.domain.taxes import TaxPayer
from services.purchase.main import build_http, read_taxes
from shared.documents.seeds import build_writer, read_seller
from shared.money import amount_text
from shared.postgres.statements import text
from shared.prices.files import read_price_book
from tests.clients import a_token, a_verifier, client_of
from tests.purchase.conftest import RULES, at_noon

SELLER_FILE = Path("seeds/seller.toml")
SELLER = read_seller(SELLER_FILE)
WRITER = build_writer(SELLER_FILE)
INVOICES = InvoiceRules(read_taxes(Path("seeds/taxes.toml")), SELLER)
PRICES = {
    "JPY": 800,
    "KRW": 7_500,
    "CLP": 4_990,
    "USD": 499,
    "EUR": 499,
    "GBP": 499,
    "BRL": 2_790,
    "INR": 41_900,
    "CHF": 490,
    "PLN": 2_199,
    "KWD": 1_530,
    "BHD": 1_880,
}
GERMANY = {"country": "DE"}
PDF = {"Accept": "application/pdf"}


@pytest.fixture
def rules(tmp_path):
    prices = ", ".join(f"{currency} = {price}" for currency, price in PRICES.items())
    packages = tmp_path / "packages.toml"
    packages.write_text(f"""
        [[packages]]
        sku = "coins_500"
        coins = 500
        bonus_coins = 25
        prices = {{ {prices} }}
        [[packages]]
        sku = "coins_100"
        coins = 100
        prices = {{ USD = 99 }}
    """)
    return replace(
        RULES, prices=read_price_book(packages), invoices=replace(INVOICES, seller=at_noon(SELLER))
    )


@pytest.fixture
async def app(database, providers, rules, violations):
    yield build_http(database, a_verifier(), providers, rules, document_writer=WRITER)
    assert await violations() == []


@pytest.fixture
def receipt(app):
    """Read the receipt of a purchase."""

    async def read(purchase, *, viewer="mira", path="receipt", **headers):
        async with client_of(app, a_token(viewer)) as client:
            return await client.get(f"/v1/purchases/{purchase}/{path}", headers=headers)

    return read


@pytest.fixture
def numbers(rows):
    """The numbers that were given out, in their order, with the kind of each document."""

    async def read():
        found = await rows("SELECT number, kind FROM receipts ORDER BY seller, year, number")
        return [(each["number"], each["kind"]) for each in found]

    return read


@pytest.fixture
def often_switched():
    """Let threads take turns far more often than usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


def words(answer):
    """The text of a page or a file, as people read it."""
    if answer.headers["content-type"] == "application/pdf":
        pages = PdfReader(BytesIO(answer.content)).pages
        return " ".join(" ".join(page.extract_text() for page in pages).split())
    shown = re.sub(r"<style>.*?</style>", "", answer.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", shown)).split())


async def test_a_sale_has_a_receipt_as_page_and_as_file(bought_in, receipt):
    purchase = await bought_in()

    page, file = await receipt(purchase), await receipt(purchase, path="receipt.pdf")

    assert (page.status_code, file.status_code) == (200, 200)
    for answer in (page, file):
        shown = words(answer)
        assert re.search(r"Receipt EX-20\d\d(-\d\d)?-000001", shown)
        for part in (
            *("Example Live Ltd.", "500 coins and 25 bonus coins, package coins_500"),
            *("Net amount 4.19 USD", "VAT 19%, DE 0.80 USD", "Total 4.99 USD"),
            *(str(purchase), "sandbox, payment pay_", "withdraw from this contract"),
        ):
            assert part in shown


async def test_a_receipt_has_all_coins_that_a_credit_note_may_have(
    app, rules, buy, pay, receipt, rows
):
    app.state.rules = replace(rules, promotions=Promotions(enabled=True, first_purchase_percent=10))
    purchase = (await buy("coins_500", claims=GERMANY)).json()["purchase"]
    await pay(purchase)

    # 25 with the package, 50 because it is the first.
    assert "500 coins and 75 bonus coins, package" in words(await receipt(purchase))
    assert await rows("SELECT coins FROM receipts") == [{"coins": 575}]


async def test_the_file_is_what_is_asked_for(bought_in, receipt):
    purchase = await bought_in()

    asked = await receipt(purchase, **PDF)
    browser = await receipt(purchase, Accept="text/html,application/pdf;q=0.9,*/*;q=0.8")

    assert asked.headers["content-type"] == "application/pdf"
    assert browser.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in browser.headers["content-security-policy"]
    assert browser.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("currency", PRICES)
async def test_amounts_are_right_in_every_currency(buy, pay, receipt, currency):
    """0, 2 and 3 decimals, on the page and in the file."""
    bought = (await buy("coins_500", currency=currency, claims=GERMANY)).json()["purchase"]
    await pay(bought)
    price = PRICES[currency]
    # The tax is nineteen of a hundred and nineteen parts: said here in another way.
    tax = round(price * 19 / 119)

    for answer in (await receipt(bought), await receipt(bought, **PDF)):
        shown = words(answer)
        assert f"Total {amount_text(price, currency)}" in shown
        assert f"VAT 19%, DE {amount_text(tax, currency)}" in shown
        assert f"Net amount {amount_text(price - tax, currency)}" in shown


async def test_a_sale_without_tax_says_so(bought_in, receipt):
    shown = words(await receipt(await bought_in({"country": "US"})))

    assert "Tax none" in shown
    assert "Total 4.99 USD" in shown


async def test_a_refund_has_a_credit_note_that_names_the_receipt(
    refund_requested, give_back, receipt, numbers
):
    purchase = await refund_requested()
    await give_back()

    assert await numbers() == [(1, "receipt"), (2, "credit-note")]
    for answer in (await receipt(purchase), await receipt(purchase, **PDF)):
        shown = words(answer)
        assert re.search(r"Credit note EX-\d+(-\d\d)?-000002", shown)
        assert re.search(r"For receipt EX-\d+(-\d\d)?-000001", shown)
        assert "525 unused coins" in shown
        assert "Total -4.99 USD" in shown
        assert "VAT 19%, DE -0.80 USD" in shown


async def test_what_has_a_receipt_has_a_credit_note_also_if_a_store_sells_by_now(
    refund_requested, database, providers, numbers, rules
):
    await refund_requested()
    taxes = replace(INVOICES.taxes, payers={"web": TaxPayer.STORE})

    await jobs.refund_due(database, providers, replace(rules.invoices, taxes=taxes))

    assert await numbers() == [(1, "receipt"), (2, "credit-note")]


async def test_a_refund_that_fails_cancels_its_credit_note(
    refund_requested, pretend, give_back, send_webhook, numbers, rows
):
    purchase = await refund_requested()
    await give_back()
    pretend.close_refund("failed")
    for _ in range(2):
        await send_webhook(purchase, "refund.failed")

    assert await numbers() == [(1, "receipt"), (2, "credit-note"), (3, "cancellation")]
    (sums,) = await rows(
        "SELECT sum(amount_minor)::int AS a, sum(tax_minor)::int AS t FROM receipts"
    )
    assert sums == {"a": 499, "t": 80}


async def test_a_payment_that_is_told_twice_has_one_receipt(bought_in, send_webhook, numbers):
    purchase = await bought_in()
    await send_webhook(purchase)

    assert await numbers() == [(1, "receipt")]


async def test_money_that_buys_nothing_has_no_receipt(paid_twice, numbers):
    await paid_twice()

    assert await numbers() == [(1, "receipt")]


async def test_sales_at_the_same_moment_have_numbers_without_gaps(buy, pay, numbers):
    bought = [(await buy("coins_500", key=f"k{n}")).json()["purchase"] for n in range(9)]

    await asyncio.gather(*map(pay, bought))

    assert await numbers() == [(n, "receipt") for n in range(1, 10)]


async def test_a_number_that_is_rolled_back_is_given_to_the_next(bought_in, database, numbers):
    await bought_in()
    with pytest.raises(RuntimeError):
        await _add_and_fail(database)
    await bought_in(key="second")

    assert await numbers() == [(1, "receipt"), (2, "receipt")]


async def _add_and_fail(database):
    async with database.part_for("mira").transaction() as tx:
        rows = await tx.execute(text("SELECT * FROM receipts"))
        assert rows.one().number == 1
        await tx.execute(text("UPDATE receipt_numbers SET last = last + 1"))
        raise RuntimeError


async def test_what_was_issued_stays_when_the_seller_moves(bought_in, database, providers, rules):
    purchase = await bought_in()
    moved = replace(
        rules.invoices, seller=replace(rules.invoices.seller, name="Moved Ltd.", prefix="MV-")
    )
    later = build_http(
        database, a_verifier(), providers, replace(rules, invoices=moved), document_writer=WRITER
    )
    async with client_of(later, a_token("mira")) as client:
        shown = words(await client.get(f"/v1/purchases/{purchase}/receipt"))

    assert "Example Live Ltd." in shown
    assert "EX-" in shown


async def test_only_the_buyer_and_accountants_read_a_receipt(app, bought_in, receipt):
    purchase = await bought_in()

    assert (await receipt(purchase, viewer="otto")).json()["code"] == "no-such-purchase"
    path = f"/v1/operator/purchases/mira/{purchase}/receipt"
    answers = {}
    for scope in ("finance:read", "disputes:read"):
        async with client_of(app, a_token("fin", roles=["operator"], scope=scope)) as client:
            answers[scope] = await client.get(path)
    async with client_of(app, a_token("mira")) as client:
        answers["viewer"] = await client.get(path)
    async with client_of(app) as client:
        answers["nobody"] = await client.get(f"/v1/purchases/{purchase}/receipt")

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "finance:read": 200,
        "disputes:read": 403,
        "viewer": 403,
        "nobody": 401,
    }
    assert "Receipt EX-" in words(answers["finance:read"])


async def test_a_purchase_that_is_not_paid_has_none(buy, receipt):
    unpaid = (await buy("coins_500")).json()["purchase"]

    answer = await receipt(unpaid)

    assert (answer.status_code, answer.json()["code"]) == (404, "no-receipt")


HOSTILE = "<img src=x onerror=alert(1)>&amp;\u202e\u200b\u4f60\u597d\U0001f381" + "W" * 200


async def test_a_hostile_name_is_text_and_nothing_else(buy, pay, receipt):
    bought = (await buy("coins_500", viewer=HOSTILE)).json()["purchase"]
    await pay(bought)

    page = await receipt(bought, viewer=HOSTILE)
    file = await receipt(bought, viewer=HOSTILE, **PDF)

    assert "<img" not in page.text
    assert HOSTILE.split("\u202e", maxsplit=1)[0] in words(page)
    shown = words(file).replace(" ", "")
    assert "<imgsrc=xonerror=alert(1)>&amp;?????" in shown
    assert "W" * 100 in shown


# Three buyers whose names have no letter in common, and many letters each.
ALPHABETS = [
    "".join(filter(str.isalpha, map(chr, range(first, first + 240)))) for first in (192, 880, 1024)
]


async def test_receipts_that_are_written_at_once_are_as_those_written_alone(
    buy, pay, receipt, often_switched
):
    bought = {}
    for viewer in ALPHABETS:
        bought[viewer] = (await buy("coins_500", viewer=viewer)).json()["purchase"]
        await pay(bought[viewer])

    async def file_of(viewer):
        return (await receipt(bought[viewer], viewer=viewer, **PDF)).content

    alone = [await file_of(viewer) for viewer in ALPHABETS]
    at_once = await asyncio.gather(*map(file_of, ALPHABETS * 8))

    assert at_once == alone * 8


@pytest.mark.parametrize("prefix", ["№-", 'EX"-', "EX\n-", "E" * 33])
def test_a_prefix_that_no_file_could_be_called_by_stops_the_service(tmp_path, prefix):
    written = SELLER_FILE.read_text().replace('prefix = "EX-"', f"prefix = {json.dumps(prefix)}")
    changed = tmp_path / "seller.toml"
    changed.write_text(written)

    with pytest.raises(ValueError, match="is part of a file's name"):
        read_seller(changed)


async def test_a_store_issues_its_own_receipts(rules):
    invoices = rules.invoices

    assert invoices.seller_in("web") == at_noon(SELLER)
    assert invoices.seller_in("ios") is None
