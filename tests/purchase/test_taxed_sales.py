"""The tax of a sale, from the payment to the books: owed for what is sold and not given back."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from services.purchase.commands.status_polls import StatusPoll, StatusPolls
from services.purchase.domain.invoices import InvoiceRules
from services.purchase.domain.taxes import TaxRate
from services.purchase.main import read_taxes
from services.purchase.store import purchases
from tests.deliveries import announced
from tests.purchase.conftest import RULES
from tests.purchase.wallet_events import coins_held

INVOICES = InvoiceRules(read_taxes(Path("seeds/taxes.toml")))
AMERICA = {"country": "US"}


@pytest.fixture
def rules():
    return replace(RULES, invoices=INVOICES)


@pytest.fixture
def paid_facts(database):
    return lambda: announced(database, "purchase.paid")


async def test_what_is_paid_is_split_into_what_is_ours_and_what_is_the_countrys(
    bought_in, balances, rows
):
    await bought_in()

    assert await balances() == {
        "provider_clearing": 499,
        "coin_sales": -419,
        "taxes_payable": -80,
    }
    (row,) = await rows(
        "SELECT tax_country, tax_kind, tax_rate_bp, tax_minor, tax_payer FROM purchases"
    )
    assert list(row.values()) == ["DE", "VAT", 1_900, 80, "operator"]


async def test_a_buyer_elsewhere_pays_no_tax(bought_in, balances):
    await bought_in(AMERICA)

    assert await balances() == {"provider_clearing": 499, "coin_sales": -499}


async def test_the_fee_of_the_provider_changes_nothing_of_the_tax(
    bought, pretend, send_webhook, balances
):
    purchase = await bought("coins_500", claims={"country": "DE"})
    pretend.become(purchase, "succeeded", fee_minor=33)
    await send_webhook(purchase)

    assert await balances() == {
        "provider_clearing": 466,
        "provider_fees": 33,
        "coin_sales": -419,
        "taxes_payable": -80,
    }


async def test_a_refund_gives_its_part_of_the_tax_back(
    bought_in, request_refund, consume, give_back, balances, rows
):
    purchase = await bought_in()
    refund = (await request_refund(purchase)).json()["refund"]
    await consume(coins_held(purchase, refund, paid=380, bonus=0))
    await give_back()

    # 3.62 of 4.99 went back, and 58 cents of its 80 are tax.
    assert await balances() == {
        "provider_clearing": 137,
        "coin_sales": -419,
        "refunds": 304,
        "taxes_payable": -22,
    }
    assert await rows("SELECT amount_minor, tax_minor FROM refunds") == [
        {"amount_minor": 362, "tax_minor": 58}
    ]


async def test_a_refund_of_everything_leaves_no_tax(refund_requested, give_back, balances):
    await refund_requested()
    await give_back()

    assert await balances() == {"coin_sales": -419, "refunds": 419}


async def test_a_refund_that_fails_is_taxed_again(
    refund_requested, pretend, give_back, send_webhook, balances
):
    purchase = await refund_requested()
    await give_back()
    pretend.close_refund("failed")
    await send_webhook(purchase, "refund.failed")

    assert await balances() == {
        "provider_clearing": 499,
        "coin_sales": -419,
        "taxes_payable": -80,
    }


async def test_a_dispute_takes_the_tax_with_it_and_brings_it_back_when_it_is_won(
    bought_in, pretend, send_webhook, balances
):
    purchase = await bought_in()
    before = await balances()
    pretend.dispute(purchase, "lost")
    await send_webhook(purchase, "payment.disputed")
    assert await balances() == {"coin_sales": -419, "dispute_loss": 419}

    pretend.dispute(purchase, "won")
    await send_webhook(purchase, "payment.dispute_closed")
    assert await balances() == before


async def test_money_that_goes_back_twice_is_untaxed_once(
    refund_requested, pretend, give_back, send_webhook, balances
):
    purchase = await refund_requested()
    await give_back()
    pretend.dispute(purchase, "lost")
    await send_webhook(purchase, "payment.disputed")

    assert await balances() == {
        "provider_clearing": -499,
        "coin_sales": -419,
        "refunds": 419,
        "dispute_loss": 499,
    }


async def test_money_that_bought_nothing_is_not_taxed(paid_twice, balances):
    await paid_twice()

    assert (await balances())["unapplied_payments"] == -99


async def test_the_fact_says_what_is_tax_and_what_is_left(bought_in, paid_facts):
    await bought_in()

    (paid,) = await paid_facts()
    assert paid["amount_minor"] == 499
    assert (paid["tax_minor"], paid["net_minor"]) == (80, 419)
    assert (paid["tax_country"], paid["tax_rate_bp"]) == ("DE", 1_900)


async def test_what_was_invoiced_stays_when_the_rates_change(
    bought_in, pretend, database, provider, balances
):
    purchase = await bought_in()
    before = await balances()
    other = replace(INVOICES.taxes, rates=(TaxRate("DE", "VAT", 700, date(2025, 1, 1)),))
    polls = StatusPolls(database, {"sandbox": provider}, InvoiceRules(other))
    pretend.payment_of(purchase)["fee_minor"] = 0
    async with database.part_for("mira").transaction() as tx:
        (found,) = await purchases.by_id(tx, [UUID(purchase)])

    await polls.run(StatusPoll(found))

    assert await balances() == before
