"""Every provider: the country of the instrument that paid is evidence of where the buyer is."""

import pytest


@pytest.fixture
def evidence(rows):
    async def read():
        found = await rows("SELECT kind, country FROM country_evidence")
        return {(each["kind"], each["country"]) for each in found}

    return read


@pytest.mark.parametrize("country", ["DE", "FR"])
async def test_the_country_of_who_pays_is_kept_beside_that_of_the_token(
    bought, vendor, arrive, evidence, country
):
    vendor.pay_from(country)
    purchase = await bought(claims={"country": "DE"})

    vendor.pay(purchase)
    await arrive()

    assert await evidence() == {("host", "DE"), ("instrument", country)}


async def test_repeated_and_shuffled_webhooks_are_the_same_evidence(
    bought, vendor, arrive, wait, evidence
):
    vendor.pay_from("DE")
    purchase = await bought(claims={"country": "DE"})
    vendor.hold_webhooks(shuffled=True)
    vendor.pay(purchase)
    vendor.repeat_webhooks(3)
    vendor.release_webhooks()
    await arrive()
    await wait()

    assert await evidence() == {("host", "DE"), ("instrument", "DE")}
