"""Whoever watches over payouts is told how long the oldest has waited, and where."""

import asyncio

from prometheus_client import REGISTRY

from services.payout.commands.metrics import report
from services.payout.domain.payouts import OPEN_STATES


def _ages_seconds():
    name = "ovation_payouts_oldest_age_seconds"
    return {it.value: REGISTRY.get_sample_value(name, {"state": it.value}) for it in OPEN_STATES}


async def test_a_payout_ages_in_the_state_it_is_in(cash_out, database):
    await cash_out()
    await asyncio.sleep(0.1)

    await report(database)

    ages_seconds = _ages_seconds()
    assert 0.1 <= ages_seconds.pop("approved") < 60
    assert set(ages_seconds.values()) == {0}


async def test_a_payout_that_arrived_waits_no_longer(cash_out, lea, database, work):
    payout = await cash_out()
    while (await lea.get(f"/v1/payouts/{payout}")).json()["state"] != "paid":
        await work()

    await report(database)

    assert set(_ages_seconds().values()) == {0}
