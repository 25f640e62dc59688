"""Whatever is done to the money books behind our back is found."""

from dataclasses import replace
from pathlib import Path

import pytest

from services.purchase.domain.invoices import InvoiceRules
from services.purchase.main import build_http, read_taxes
from shared.documents.seeds import read_seller
from shared.postgres.database import Database
from shared.postgres.statements import text
from tests.clients import a_verifier
from tests.purchase.conftest import RULES

INVOICES = InvoiceRules(
    read_taxes(Path("seeds/taxes.toml")), read_seller(Path("seeds/seller.toml"))
)
INVOICED = replace(RULES, invoices=INVOICES)

BREAKS = [
    ("clearing-is-what-the-provider-holds", "UPDATE provider_answers SET given_back_minor = 7"),
    ("given-back-is-disputed", "UPDATE provider_answers SET given_back_minor = 7"),
    ("losses-are-what-went-without-us", "UPDATE provider_answers SET given_back_minor = 7"),
    ("fees-are-what-the-provider-kept", "UPDATE provider_answers SET fee_minor = 7"),
    (
        "unapplied-is-what-was-not-given-back",
        "UPDATE payments SET amount_minor = 7 WHERE allocation <> 'applied'",
    ),
    (
        "sales-are-what-bought-coins",
        "UPDATE payments SET amount_minor = 7 WHERE allocation = 'applied'",
    ),
    ("refunds-are-what-we-gave-back", "UPDATE refunds SET amount_minor = 7, tax_minor = 0"),
    ("refunds-never-exceed-the-price", "UPDATE refunds SET amount_minor = 500"),
    ("taxes-are-what-was-not-given-back", "UPDATE purchases SET tax_minor = 7 WHERE tax_minor > 0"),
    ("sales-are-what-bought-coins", "UPDATE purchases SET tax_minor = 7 WHERE tax_minor > 0"),
    ("taxes-are-what-was-not-given-back", "UPDATE refunds SET tax_minor = 7"),
    ("refunds-are-what-we-gave-back", "UPDATE refunds SET tax_minor = 7"),
    (
        "store-taxes-are-what-was-not-given-back",
        "UPDATE purchases SET tax_payer = 'store', tax_minor = 81 WHERE tax_minor > 0",
    ),
    (
        "receipts-say-what-is-in-the-books",
        "UPDATE receipts SET tax_minor = 7 WHERE kind = 'receipt'",
    ),
    ("receipts-say-what-is-in-the-books", "UPDATE refunds SET tax_minor = 79"),
    ("receipts-have-no-gaps", "UPDATE receipts SET number = 9 WHERE number = 3"),
    ("tax-goes-back-once", "UPDATE refunds SET tax_minor = 81"),
    ("what-is-paid-has-its-payment", "UPDATE payments SET allocation = 'overpayment'"),
    ("what-is-paid-has-its-payment", "UPDATE purchases SET payment = 'pay_other'"),
    ("entry-sums-to-zero", "UPDATE entries SET amounts[1] = 7"),
]


@pytest.fixture
def rules():
    return INVOICED


@pytest.fixture
def app(database, provider, rules):
    """The service, whose books need not be right in the end."""
    return build_http(database, a_verifier(), {"sandbox": provider}, rules)


@pytest.fixture
async def owner(postgres, database):
    """Somebody who can do what the service cannot: the database's administrator."""
    opened = Database(postgres.dsn(database.name), part_count=database.part_count)
    yield opened
    await opened.close()


@pytest.mark.parametrize(("law", "damage"), BREAKS)
async def test_each_law_of_the_books_is_seen_broken(
    *, refund_requested, give_back, paid_twice, violations, owner, law, damage
):
    await paid_twice()
    await refund_requested()
    await give_back()
    assert await violations() == []

    async with owner.part_for("mira").transaction() as tx:
        await tx.execute(text("ALTER TABLE entries DROP CONSTRAINT entry_sums_to_zero"))
        await tx.execute(text(damage))

    assert law in {fault.invariant for fault in await violations()}
