"""Every provider: what is signed and odd is no error of ours, and changes nothing."""

import os
from contextlib import suppress
from random import Random

import pytest

from services.purchase.providers import ProviderRejected, ProviderUnavailable
from tests.purchase.providers.odd import odd_variant

VARIANTS = int(os.environ.get("ODD_WEBHOOKS") or 60)


@pytest.fixture
def send(deliver, vendor):
    """Send a content behind a valid signature; return the answer's status."""

    async def send_one(content):
        headers, body = vendor.signed(content)
        return (await deliver(headers, body, name=vendor.name)).status_code

    return send_one


@pytest.fixture
async def contents(paid, vendor, arrive):
    """Return what the webhooks of a payment, its refund and its dispute say."""
    refunded = await paid()
    vendor.refund(refunded)
    disputed = await paid(key="key-2")
    with suppress(pytest.skip.Exception):
        vendor.dispute(disputed)
    await arrive()
    return vendor.contents()


@pytest.mark.parametrize("seed", range(3))
async def test_an_odd_webhook_is_stored_or_refused_and_changes_nothing(
    *, contents, send, vendor, event_names, wait, rows, seed
):
    before = await event_names()
    dice = Random(f"{vendor.name} {seed}")

    for _ in range(VARIANTS):
        content = odd_variant(dice.choice(contents), dice)
        assert await send(content) in (200, 401, 422), content
    await wait()

    assert await event_names() == before
    for row in await rows("SELECT DISTINCT payment FROM webhook_events WHERE purchase IS NULL"):
        if row["payment"] is not None:
            with suppress(ProviderRejected, ProviderUnavailable):
                await vendor.provider.read(row["payment"])


async def test_what_was_sent_before_is_taken_again_behind_a_new_signature(contents, send):
    for content in contents:
        assert await send(content) == 200
