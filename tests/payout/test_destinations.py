"""What may be named as the place for money, and what has to be known of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.payout.commands.attempts import follow_attempts, open_attempts
from services.payout.domain.methods import only
from services.payout.domain.payees import (
    DestinationKind,
    Payee,
    ScreeningState,
    TaxForm,
    Verification,
)
from services.payout.main import build_http
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import announced
from tests.metrics import metric
from tests.payout.conftest import PAYEE, RULES, a_gift_sent
from tests.payout.test_payees import RESTING, quote, request


class ByEmail:
    """A provider that pays to e-mail addresses, and remembers to which."""

    name = "mail"
    destination_kind = DestinationKind.EMAIL
    idempotency_seconds = 86_400

    def __init__(self, sandbox):
        self._sandbox = sandbox
        self.paid_to = []

    async def submit(self, attempt, **order):
        self.paid_to.append(order["destination"])
        return await self._sandbox.submit(attempt, **{**order, "destination": "acct_ok"})

    async def find(self, attempt, *, transfer):
        return await self._sandbox.find(attempt, transfer=transfer)


@pytest.fixture
def by_email(provider):
    return ByEmail(provider)


@pytest.fixture
async def mailed(database, by_email, hear):
    await hear(a_gift_sent(10_000))
    rules = replace(RESTING, methods=only("mail"))
    app = build_http(database, a_verifier(), {"mail": by_email}, rules)
    async with client_of(app, a_token("lea", roles=["creator"])) as client:
        yield client


async def test_an_address_is_kept_apart_and_money_reaches_it(mailed, by_email, database):
    shown = (await mailed.put(PAYEE, json={"email": "lea@example.com"})).json()
    assert shown["destination"] == "l***@example.com"
    await request(mailed, (await quote(mailed)).json())
    # A payout under way goes to the address it was requested for.
    await mailed.put(PAYEE, json={"email": "thief@example.com"})
    async with database.part_for("lea").transaction() as tx:
        await open_attempts(tx)
    await follow_attempts(database.part_for("lea"), {"mail": by_email}, RESTING)

    assert by_email.paid_to == ["lea@example.com"]
    assert "example.com" not in str(await announced(database, "payout.payee_changed"))
    async with database.transaction() as tx:
        told = await tx.execute(text("SELECT p::text, q::text FROM payees p, payouts q"))
        assert "example.com" not in str(list(told))


async def test_the_same_address_again_is_no_change_and_the_one_before_has_its_old_name(
    mailed, database
):
    await mailed.put(PAYEE, json={"email": "lea@example.com"})
    await mailed.put(PAYEE, json={"email": "lea@example.com"})
    async with database.transaction() as tx:
        (first,) = await tx.execute(text("SELECT destination, revision FROM payees"))
    await mailed.put(PAYEE, json={"email": "lea@other.example"})
    await mailed.put(PAYEE, json={"email": "lea@example.com"})
    async with database.transaction() as tx:
        (last,) = await tx.execute(text("SELECT destination, revision FROM payees"))

    assert (first.revision, last.revision) == (1, 3)
    assert first.destination == last.destination


async def test_money_to_an_address_that_was_erased_is_not_sent(mailed, by_email, database):
    await mailed.put(PAYEE, json={"email": "lea@example.com"})
    await request(mailed, (await quote(mailed)).json())
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text("DELETE FROM payee_contacts"))
        await open_attempts(tx)
    before = metric("ovation_contradictions_total", kind="payee-address")

    await follow_attempts(database.part_for("lea"), {"mail": by_email}, RESTING)

    assert by_email.paid_to == []
    assert metric("ovation_contradictions_total", kind="payee-address") == before + 1


@pytest.mark.parametrize(
    "wanted",
    [{"email": "lea@example.com"}, {}, {"destination": "acct_ok", "email": "lea@example.com"}],
)
async def test_a_destination_is_of_the_kind_that_the_provider_knows(lea, wanted):
    refused = await lea.put(PAYEE, json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (422, "bad-destination")


@pytest.mark.parametrize(
    "wanted",
    [
        {"destination": "a b"},
        {"destination": "abc"},
        {"destination": "a" * 65},
        {"email": "no address"},
        {"email": f"{'a' * 65}@example.com"},
        {"destination": "acct_ok", "country": "XX"},
        {"destination": "acct_ok", "legal_name": "L"},
        {"destination": "acct_ok", "legal_name": "L" * 141},
        {"destination": "acct_ok", "legal_name": "Lea\nMartin"},
        {"destination": "acct_ok", "provider": "../x"},
        {"destination": "acct_ok", "iban": "DE00"},
    ],
    ids=str,
)
async def test_what_cannot_be_a_payee_is_refused_by_its_field(lea, wanted):
    assert (await lea.put(PAYEE, json=wanted)).json()["code"] == "invalid-request"


@pytest.mark.parametrize("currency", ["usd", "XXX", "ABC", "USDD", "%00"])
async def test_what_is_no_currency_has_no_payee(lea, currency):
    path = f"/v1/payouts/payees/{currency}"
    answer = await lea.put(path, json={"destination": "acct_ok_lea"})
    assert answer.status_code == 422


async def test_a_provider_that_does_not_pay_there_is_refused(lea):
    wanted = {"destination": "acct_ok_lea", "provider": "stripe-eu"}
    refused = await lea.put(PAYEE, json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (422, "method-not-offered")


NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
EVERYTHING = replace(
    RULES.payees, verification_required=True, tax_form_required=True, screening_required=True
)
COMPLETE = Payee(
    currency="USD",
    provider="sandbox",
    destination="acct_ok",
    country="FR",
    account=None,
    revision=1,
    usable_at=None,
    unreviewed=False,
    verification=Verification.VERIFIED,
    tax_form=TaxForm.SUBMITTED,
    tax_form_kind="W-8BEN",
    requirements=(),
    payouts_enabled=True,
    screening=ScreeningState.CLEAR,
)


@pytest.mark.parametrize(
    ("change", "required", "always"),
    [
        ({}, [], []),
        ({"verification": Verification.UNVERIFIED}, ["payee-unverified"], []),
        ({"verification": Verification.PENDING}, ["payee-unverified"], []),
        ({"verification": Verification.RESTRICTED}, ["payee-restricted"], ["payee-restricted"]),
        ({"payouts_enabled": False}, ["payee-not-enabled"], ["payee-not-enabled"]),
        ({"tax_form": TaxForm.MISSING}, ["tax-form-missing"], []),
        ({"screening": ScreeningState.UNSCREENED}, ["payee-unscreened"], []),
        ({"screening": ScreeningState.MATCH}, ["payee-under-review"], ["payee-under-review"]),
        ({"usable_at": NOW + timedelta(seconds=1)}, ["payee-resting"], ["payee-resting"]),
        ({"usable_at": NOW}, [], []),
    ],
    ids=str,
)
def test_what_stands_in_the_way_of_a_payout_is_said_one_by_one(change, required, always):
    payee = replace(COMPLETE, **change)

    assert [each.code() for each in payee.obstacles(NOW, EVERYTHING)] == required
    assert [each.code() for each in payee.obstacles(NOW, RULES.payees)] == always
