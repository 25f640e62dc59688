"""What only Stripe Connect has: accounts of creators, and events of two endpoints."""

import json
from uuid import uuid4

import pytest
import stripe

from services.payout.domain.payees import Verification
from services.payout.domain.payouts import BadSignature
from services.payout.providers import Onboarding, ProviderUnavailable
from services.payout.providers.stripe_connect import StripeConnectProvider
from shared.vendors.stripe import API_VERSION
from tests.fakes.stripe.vendor import Stripe

OWN, CONNECTED = "whsec_own", "whsec_connected"
DUE = ("external_account", "individual.verification.document", "tos_acceptance.date")


@pytest.fixture
def connected():
    """No service is needed here."""


@pytest.fixture
def books_agree():
    """No books either."""


@pytest.fixture
def invariants_hold():
    """Nor a ledger."""


@pytest.fixture
async def fake():
    async with Stripe() as fake:
        yield fake


@pytest.fixture
async def provider(fake):
    made = StripeConnectProvider(
        name="stripe-eu",
        api_key=fake.api_key,
        webhook_secrets=(OWN, CONNECTED),
        url=fake.url,
    )
    yield made
    await made.close()


def a_webhook(about, *, kind, secret, account=None, livemode=False):
    event = {
        "id": "evt_1", "object": "event", "type": kind, "livemode": livemode,
        "api_version": API_VERSION, "data": {"object": about},
    }  # fmt: skip
    body = json.dumps(event | ({"account": account} if account else {}))
    header = stripe.WebhookSignature.generate_signature_header(body, secret)
    return {"stripe-signature": header}, body.encode()


async def test_an_account_is_created_once_and_becomes_able_at_stripes_page(fake, provider):
    assert isinstance(provider, Onboarding)
    fake.lose_answer(operation="POST /v1/accounts")
    account = uuid4()
    with pytest.raises(ProviderUnavailable):
        await provider.create_account(account, country="DE", currency="EUR")
    destination = await provider.create_account(account, country="DE", currency="EUR")
    assert len(fake.all("account")) == 1
    before = await provider.read_account(destination)

    link = await provider.create_link(
        destination, return_url="https://live.example/back", refresh_url="https://live.example/r"
    )
    assert link.url.startswith(fake.url)
    fake.onboard(destination)

    assert (before.verification, before.payouts_enabled) == (Verification.UNVERIFIED, False)
    assert before.requirements == DUE
    after = await provider.read_account(destination)
    assert (after.verification, after.payouts_enabled, after.country) == (
        Verification.VERIFIED,
        True,
        "DE",
    )
    fake.restrict(destination)
    late = await provider.read_account(destination)
    assert (late.verification, late.payouts_enabled) == (Verification.RESTRICTED, False)


async def test_events_of_both_endpoints_are_read_each_with_its_secret(provider):
    attempt = uuid4()
    transfer = {"object": "transfer", "id": "tr_1", "transfer_group": str(attempt)}
    account = {"object": "account", "id": "acct_1"}

    of_transfer = await provider.parse_webhook(
        *a_webhook(transfer, kind="transfer.reversed", secret=OWN)
    )
    of_account = await provider.parse_webhook(
        *a_webhook(account, kind="account.updated", secret=CONNECTED, account="acct_1")
    )

    assert (of_transfer.attempt, of_transfer.account) == (attempt, None)
    assert (of_account.attempt, of_account.account) == (None, "acct_1")
    with pytest.raises(BadSignature):
        await provider.parse_webhook(
            *a_webhook(account, kind="account.updated", secret="whsec_of_a_stranger")
        )


@pytest.mark.parametrize("kind", ["payout.failed", "charge.refunded"])
async def test_other_events_are_kept_and_followed_by_nothing(provider, kind):
    about = {"object": "payout", "id": "po_1", "transfer_group": str(uuid4())}

    event = await provider.parse_webhook(*a_webhook(about, kind=kind, secret=OWN))

    assert (event.kind, event.attempt, event.account) == (kind, None, None)


async def test_an_event_of_live_mode_is_not_followed_with_a_key_of_test_mode(provider):
    about = {"object": "transfer", "id": "tr_1", "transfer_group": str(uuid4())}

    event = await provider.parse_webhook(
        *a_webhook(about, kind="transfer.created", secret=OWN, livemode=True)
    )

    assert event.attempt is None


async def test_what_stripe_learns_is_the_attempt_and_nothing_of_the_creator(fake, provider):
    attempt = uuid4()
    await provider.submit(attempt, amount_minor=1_500, currency="USD", destination=fake.connect())

    (transfer,) = fake.all("transfer")
    assert transfer["metadata"] == {"attempt": str(attempt)}
    assert (transfer["transfer_group"], transfer["description"]) == (str(attempt), None)


async def test_transfers_of_a_foreign_group_are_none_of_ours(fake, provider):
    """A proxy that mixes up two answers, or an API that loses our filter."""
    await provider.submit(uuid4(), amount_minor=1_500, currency="USD", destination=fake.connect())
    fake.handlers["GET /v1/transfers"] = lambda call: fake.page_of(fake.all("transfer"), call)

    with pytest.raises(ProviderUnavailable, match="of others"):
        await provider.find(uuid4(), transfer=None)
