"""What only PayPal Payouts has: statuses of items and batches, and names that are known 30 days."""

from uuid import uuid4

import pytest

from services.payout.domain.payouts import ProviderStatus
from services.payout.providers import ProviderUnavailable
from services.payout.providers.paypal_answers import ItemStatus

pytestmark = pytest.mark.parametrize("vendor", ["paypal"], indirect=True)

ORDER = {"amount_minor": 1_500, "currency": "USD", "destination": "lea@example.com"}
MEANINGS = {
    "SUCCESS": (ProviderStatus.PAID, None),
    "PENDING": (ProviderStatus.SUBMITTED, None),
    "UNCLAIMED": (ProviderStatus.SUBMITTED, "unclaimed"),
    "ONHOLD": (ProviderStatus.SUBMITTED, "on-hold"),
    "FAILED": (ProviderStatus.FAILED, "receiver-unregistered"),
    "BLOCKED": (ProviderStatus.FAILED, "blocked"),
    "RETURNED": (ProviderStatus.FAILED, "unclaimed"),
    "REFUNDED": (ProviderStatus.RETURNED, "refunded"),
    "REVERSED": (ProviderStatus.RETURNED, "reversed"),
}


@pytest.fixture
def submitted(vendor):
    """Submit an attempt that is of no payout, so that no books have it; return both ids."""

    async def submit(status=None):
        if status is not None:
            vendor.fake.plan_payout(status)
        attempt = uuid4()
        made = await vendor.provider.submit(attempt, **ORDER)
        return attempt, made.id

    yield submit
    vendor.fake.lines.clear()


def test_every_status_of_an_item_has_a_meaning(vendor):
    assert set(MEANINGS) == {status.value for status in ItemStatus}


@pytest.mark.parametrize("status", MEANINGS)
async def test_each_status_says_where_the_money_is_and_why(vendor, submitted, status):
    attempt, batch = await submitted("PENDING")
    error = "RECEIVER_UNREGISTERED" if status == "FAILED" else None
    vendor.fake.become_payout(batch, status, error)

    found = (await vendor.provider.find(attempt, transfer=batch)).transfer

    assert (found.status, found.reason) == MEANINGS[status]


async def test_a_batch_that_is_denied_has_paid_nothing(vendor, submitted):
    attempt, batch = await submitted("DENIED")

    found = (await vendor.provider.find(attempt, transfer=batch)).transfer

    assert (found.status, found.reason) == (ProviderStatus.FAILED, "denied")


async def test_a_batch_cannot_be_looked_up_by_our_name_so_it_is_submitted_again(vendor, submitted):
    attempt, batch = await submitted()

    assert await vendor.provider.find(attempt, transfer=None) is None
    again = await vendor.provider.submit(attempt, **ORDER)

    assert (again.id, again.status) == (batch, ProviderStatus.PAID)
    assert vendor.transfers_of(str(attempt)) == 1


async def test_a_batch_of_another_attempt_says_nothing_of_ours(vendor, submitted):
    _, batch = await submitted()

    with pytest.raises(ProviderUnavailable, match="another attempt"):
        await vendor.provider.find(uuid4(), transfer=batch)
    with pytest.raises(ProviderUnavailable, match="no longer"):
        await vendor.provider.find(uuid4(), transfer="NOTHERE")


async def test_an_account_that_is_short_of_money_is_asked_again_under_the_same_name(
    vendor, submitted
):
    attempt = uuid4()
    vendor.fake.be_short()
    with pytest.raises(ProviderUnavailable, match="INSUFFICIENT_FUNDS"):
        await vendor.provider.submit(attempt, **ORDER)

    await vendor.provider.submit(attempt, **ORDER)

    assert vendor.transfers_of(str(attempt)) == 1
    vendor.fake.lines.clear()


async def test_a_reversal_that_nobody_tells_of_is_found_by_the_next_look(
    vendor, paid, follow, rows, stands, attempt_of
):
    payout = await paid()
    vendor.fake.become_payout(vendor.payouts_of(await attempt_of(payout))[0].id, "REVERSED")
    await follow()
    assert await stands(payout) == ("paid", 0, 0)

    await rows("UPDATE attempts SET next_check_at = now() RETURNING id")
    await follow()

    assert await stands(payout) == ("returned", 3_000, 0)
