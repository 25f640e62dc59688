"""Evidence of the buyer's country: kept with the sale, judged, and shown to accountants."""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest

from services.purchase.domain.country_evidence import Evidence, EvidenceKind, Verdict, judge
from services.purchase.domain.invoices import InvoiceRules
from services.purchase.main import read_taxes
from shared.documents.seeds import read_seller
from tests.clients import an_operator_token, client_of
from tests.metrics import metric
from tests.purchase.conftest import GERMANY, RULES, at_noon
from tests.purchase.pretend import a_webhook
from tests.purchase.wallet_events import coins_held

SELLER = read_seller(Path("seeds/seller.toml"))
TAXES = read_taxes(Path("seeds/taxes.toml"))
HOST, CARD, ADDRESS = EvidenceKind.HOST, EvidenceKind.INSTRUMENT, EvidenceKind.ADDRESS


@pytest.fixture
def invoices():
    return InvoiceRules(TAXES, at_noon(SELLER))


@pytest.fixture
def year(invoices):
    """The year of the seller's receipts."""
    return invoices.seller.year_at(datetime.now(UTC))


@pytest.fixture
def rules(invoices):
    return replace(RULES, invoices=invoices)


@pytest.fixture
def sold(bought, pretend, send_webhook):
    """Sell to a buyer whose card is of a country."""

    async def sell(card_country, *, claims=GERMANY, key="key-1"):
        purchase = await bought("coins_500", claims=claims, key=key)
        pretend.become(purchase, "succeeded", card_country=card_country)
        await send_webhook(purchase)
        return purchase

    return sell


@pytest.fixture
def shown(app):
    """Read a purchase as support does."""

    async def read(purchase):
        token = an_operator_token("disputes:read")
        async with client_of(app, token) as client:
            return (await client.get(f"/v1/operator/purchases/mira/{purchase}")).json()

    return read


@pytest.fixture
def report(app, year):
    """Read the tax report as an accountant."""

    async def read(**query):
        token = an_operator_token("finance:read")
        query = {"seller": "example", "year": year, **query}
        async with client_of(app, token) as client:
            return await client.get("/v1/operator/purchase/receipts", params=query)

    return read


@pytest.fixture
def counted():
    """Count the sales of a verdict since the test began."""

    def read(verdict):
        return metric("ovation_sales_judged_total", verdict=verdict.value)

    before = {each: read(each) for each in Verdict}
    return lambda verdict: read(verdict) - before[verdict]


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ([], Verdict.NO_COUNTRY),
        ([(CARD, "DE"), (ADDRESS, "DE")], Verdict.NO_COUNTRY),
        ([(HOST, "DE")], Verdict.ONE_ONLY),
        ([(HOST, "DE"), (CARD, "DE")], Verdict.AGREE),
        ([(HOST, "DE"), (ADDRESS, "DE")], Verdict.AGREE),
        ([(HOST, "DE"), (CARD, "FR")], Verdict.CONTRADICT),
        ([(HOST, "DE"), (CARD, "FR"), (ADDRESS, "DE")], Verdict.AGREE),
        ([(HOST, "DE"), (CARD, "FR"), (ADDRESS, "FR")], Verdict.CONTRADICT),
        ([(HOST, "DE"), (CARD, "DE"), (CARD, "FR")], Verdict.CONTRADICT),
        ([(HOST, "DE"), (CARD, "DE"), (CARD, "FR"), (ADDRESS, "DE")], Verdict.AGREE),
    ],
)
def test_two_that_name_the_taxed_country_are_enough(said, verdict):
    for order in permutations(Evidence(kind, country) for kind, country in said):
        assert judge(order) is verdict


async def test_a_sale_keeps_what_the_token_the_card_and_the_address_say(sold, shown, counted):
    purchase = await sold("DE", claims={"country": "DE", "ip_country": "at"})

    found = await shown(purchase)

    assert found["tax_country"] == "DE"
    assert found["country_verdict"] == "agree"
    assert [(each["kind"], each["country"]) for each in found["country_evidence"]] == [
        ("host", "DE"),
        ("instrument", "DE"),
        ("ip_address", "AT"),
    ]
    assert counted(Verdict.AGREE) == 1


async def test_a_purchase_that_is_not_paid_has_no_verdict(bought, shown):
    found = await shown(await bought())

    assert (found["country_verdict"], found["country_evidence"]) == (None, [])


async def test_a_contradiction_is_counted_once_and_the_tax_stays(
    sold, shown, send_webhook, counted, rows
):
    purchase = await sold("FR")
    await send_webhook(purchase)

    found = await shown(purchase)

    assert (found["tax_country"], found["country_verdict"]) == ("DE", "contradict")
    assert counted(Verdict.CONTRADICT) == 1
    assert await rows("SELECT tax_minor FROM purchases") == [{"tax_minor": 80}]


async def test_a_provider_that_names_another_country_later_contradicts_itself(
    sold, shown, pretend, send_webhook, counted
):
    purchase = await sold("DE")
    pretend.become(purchase, "succeeded", card_country="FR")
    await send_webhook(purchase)
    pretend.become(purchase, "succeeded", card_country="DE")
    await send_webhook(purchase)

    assert (await shown(purchase))["country_verdict"] == "contradict"
    assert (counted(Verdict.AGREE), counted(Verdict.CONTRADICT)) == (1, 1)


@pytest.mark.parametrize("country", ["ZZ", "Germany", "", None])
async def test_a_country_that_is_none_is_no_evidence(sold, shown, country):
    purchase = await sold(country)

    assert (await shown(purchase))["country_verdict"] == "one-only"


async def test_who_has_no_country_buys_without_tax_and_is_counted(sold, shown, counted):
    purchase = await sold("DE", claims={})

    found = await shown(purchase)

    assert (found["tax_country"], found["country_verdict"]) == (None, "no-country")
    assert counted(Verdict.NO_COUNTRY) == 1


async def test_a_second_payment_is_no_evidence_of_the_sale(sold, pretend, deliver, shown, rows):
    purchase = await sold("DE")
    second = pretend.make(reference=purchase, status="succeeded", amount_minor=499)
    second["card_country"] = "FR"
    await deliver(*a_webhook(second))

    assert await rows("SELECT count(*)::integer AS n FROM payments") == [{"n": 2}]
    assert (await shown(purchase))["country_verdict"] == "agree"


async def test_the_report_has_the_tax_and_the_evidence_of_each_receipt(
    sold, credit, request_refund, consume, give_back, report, year
):
    purchase = await sold("DE")
    await credit(purchase, coins=525)
    await sold("FR", key="key-2")
    refund = (await request_refund(purchase)).json()["refund"]
    await consume(coins_held(purchase, refund))
    await give_back()

    first = (await report(limit=2)).json()
    place = {"after": first["next_after"]}
    if first["next_series"] is not None:
        place["series"] = first["next_series"]
    rest = (await report(limit=2, **place)).json()

    lines = first["items"] + rest["items"]
    assert (first["next_after"], rest["next_after"]) == (2, None)
    assert [(each["kind"], each["tax_minor"], each["verdict"]) for each in lines] == [
        ("receipt", 80, "agree"),
        ("receipt", 80, "contradict"),
        ("credit-note", -80, "agree"),
    ]
    assert lines[1]["evidence"] == "host=DE instrument=FR"
    # With parts, the number of its series is between.
    assert re.fullmatch(rf"EX-{year}(-\d\d)?-000001", lines[0]["name"])
    sheet = list(csv.DictReader(io.StringIO((await report(format="csv")).text)))
    assert [each["verdict"] for each in sheet] == ["agree", "contradict", "agree"]
    assert (await report(year=year - 1)).json()["items"] == []
