"""The driver of a Stripe account's test mode: it works, as far as no network is needed."""

import asyncio

import pytest

from tests.fakes.stripe.vendor import Stripe
from tests.purchase.providers.driver import Action
from tests.purchase.providers.stripe_account_driver import StripeAccountDriver

pytestmark = pytest.mark.parametrize("vendor", ["account"], indirect=True)


@pytest.fixture
async def vendor(request):
    """Put the fake in the place of Stripe."""
    del request
    async with Stripe(settlement=("usd",)) as fake:
        driver = StripeAccountDriver(key=fake.api_key, url=fake.url)
        await driver.start()
        try:
            yield driver
        finally:
            await driver.stop()


async def test_a_lost_answer_of_the_account_leads_to_one_payment(vendor, buy, wait, read):
    vendor.lose_answer(Action.CREATE)
    purchase = (await buy()).json()["purchase"]

    await wait()

    assert (await read(purchase))["next_action"]["url"]
    # In a thread: the fake answers in this event loop.
    assert await asyncio.to_thread(vendor.payments_of, purchase) == 1


async def test_errors_and_slow_answers_of_the_account_cancel_nothing(
    vendor, bought, wait, state_of
):
    purchase = await bought()
    vendor.fail(Action.CANCEL, 503)
    await wait(minutes=31)
    assert await state_of(purchase) == "pending"
    vendor.stall(Action.CANCEL, 0.01)

    await wait()

    assert await state_of(purchase) == "expired"
