"""An installation whose viewers are spread over sixteen parts, each with its own transactions."""

from dataclasses import replace
from pathlib import Path
from uuid import RFC_4122

import pytest

from services.purchase.commands.purchase_ids import part_with, purchase_id
from services.purchase.domain.invoices import InvoiceRules
from services.purchase.main import read_taxes
from shared.documents.seeds import read_seller
from shared.postgres.parts import part_of
from tests.clients import an_operator_token, client_of
from tests.deliveries import announced
from tests.purchase.conftest import RULES, at_noon
from tests.purchase.promotions.conftest import CODE, WINTER, operator_token

VIEWERS = ("mira", "noa", "otto", "lea", "ida")
SEEDS = Path("seeds")
INVOICES = InvoiceRules(read_taxes(SEEDS / "taxes.toml"), read_seller(SEEDS / "seller.toml"))


def support():
    return an_operator_token("disputes:read", "finance:read", "books:read")


@pytest.fixture
def database(database_of):
    return database_of("purchase", part_count=16)


@pytest.fixture
def rules():
    return replace(RULES, invoices=replace(INVOICES, seller=at_noon(INVOICES.seller)))


@pytest.fixture
def asked(app):
    """Ask for something as an operator."""

    async def ask(path, **params):
        async with client_of(app, support()) as client:
            return (await client.get(f"/v1/operator/purchase/{path}", params=params)).json()

    return ask


def test_the_id_of_a_purchase_leads_to_the_part_of_its_viewer(database):
    for viewer in VIEWERS:
        for key in ("key-1", "key-2"):
            made = purchase_id(viewer, key)
            assert part_with(database, made).number == part_of(viewer, 16)
            assert (made.version, made.variant) == (5, RFC_4122)


async def test_a_webhook_that_names_no_viewer_finds_the_purchase_in_its_part(
    bought, pay, credit, read, rows, database, wait
):
    made = {viewer: await bought(viewer=viewer) for viewer in VIEWERS}
    for viewer, purchase in made.items():
        assert (await pay(purchase)).status_code == 200
        await credit(purchase, viewer=viewer)

    states = [(await read(each, viewer=viewer))["state"] for viewer, each in made.items()]
    assert states == ["completed"] * len(VIEWERS)
    assert await rows("SELECT 1 FROM webhook_events WHERE applied_at IS NULL") == []
    assert len(await announced(database, "purchase.completed")) == len(VIEWERS)
    await wait()


async def test_each_part_numbers_its_own_receipts_and_an_accountant_reads_all(
    bought, pay, asked, rows
):
    for viewer in VIEWERS:
        for key in ("one", "two"):
            await pay(await bought(viewer=viewer, key=key))
    issued = await rows("SELECT viewer, series, number FROM receipts")
    assert {row["series"] for row in issued} == {part_of(viewer, 16) for viewer in VIEWERS}
    (year,) = {row["year"] for row in await rows("SELECT DISTINCT year FROM receipts")}

    lines, place = [], {}
    while place is not None:
        page = await asked("receipts", seller=INVOICES.seller.id, year=year, limit=3, **place)
        lines += page["items"]
        place = (
            None
            if page["next_after"] is None
            else {"after": page["next_after"], "series": page["next_series"]}
        )

    numbers = [(line["series"], line["number"]) for line in lines]
    assert numbers == sorted((row["series"], row["number"]) for row in issued)
    assert lines[0]["name"].endswith(f"-{lines[0]['series']:02}-000001")


async def test_a_budget_is_of_the_viewers_of_all_parts(app, buy, pay, wait):
    path = "/v1/operator/purchase/campaigns/winter"
    async with client_of(app, operator_token()) as client:
        await client.put(path, json={**WINTER, "budget_coins": 200})
    answers = {viewer: await buy(viewer=viewer, **CODE) for viewer in VIEWERS}
    assert [answer.status_code for answer in answers.values()] == [201, 201, 201, 201, 409]
    await pay(answers["mira"].json()["purchase"])

    await wait(minutes=60)

    async with client_of(app, operator_token()) as client:
        (winter,) = (await client.get("/v1/operator/purchase/campaigns")).json()["items"]
    assert (winter["promised_coins"], winter["paid_coins"], winter["paid_purchases"]) == (50, 50, 1)


async def test_what_support_reads_is_of_all_parts(bought, pay, pretend, send_webhook, asked):
    for viewer in VIEWERS:
        purchase = await bought(viewer=viewer)
        await pay(purchase)
        pretend.dispute(purchase, "lost" if viewer == "mira" else "open")
        await send_webhook(purchase, "payment.disputed")

    disputes = await asked("disputes")
    viewers = [each["viewer"] for each in disputes["items"]]
    assert viewers == ["noa", "otto", "lea", "ida", "mira"]
    assert disputes["exposure"] == [{"currency": "USD", "disputes": 4, "amount_minor": 4 * 499}]
    books = await asked("books")
    assert (books["purchases_by_state"]["paid"], books["disputes_open"]) == (5, 4)
    assert books["postings_sum"] == 0
