"""What payout counts: keys by what they turned out to be, and payouts that are under way."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.payout.commands.metrics import report_unclosed
from services.payout.store.in_flight import IN_FLIGHT
from shared.backoffice.in_flight import measure
from shared.postgres.statements import text
from tests.metrics import keys_counted, metric, since
from tests.payout.books import close_months
from tests.payout.conftest import a_gift_sent


@pytest.fixture
def rows(database):
    async def read(statement):
        async with database.transaction() as tx:
            return list(await tx.execute(text(statement)))

    return read


async def test_each_key_counts_once_as_what_it_was(lea, cash_out, rows):
    before = keys_counted("/v1/payouts")
    await cash_out(key="key")
    (quote,) = await rows("SELECT id FROM quotes")

    for asked in (quote["id"], uuid4()):
        await lea.post(
            "/v1/payouts", json={"quote": str(asked)}, headers={"Idempotency-Key": "key"}
        )

    assert since(before, keys_counted("/v1/payouts")) == [1, 1, 1, 0]


async def test_months_that_are_over_and_not_closed_are_counted(hear, database):
    await hear(a_gift_sent(100), a_gift_sent(100, creator="ann"))
    next_month = datetime.now(UTC) + timedelta(days=32)

    async def unclosed():
        await report_unclosed(database, now=next_month, zone="UTC")
        return metric("ovation_statements_unclosed")

    assert await unclosed() == 2
    await close_months(database, now=next_month)

    assert await unclosed() == 0


async def test_a_payout_that_waits_is_open_and_one_that_waits_too_long_is_overdue(
    cash_out, database
):
    await cash_out()
    (payouts,) = IN_FLIGHT
    for overdue_seconds, overdue in ((600, 0), (0, 1)):
        hurried = replace(payouts, overdue_seconds={"approved": overdue_seconds, "held": 0})
        await measure(database, hurried)

        assert metric("ovation_in_flight", type="payout", state="approved") == 1
        assert metric("ovation_in_flight", type="payout", state="held") == 0
        assert metric("ovation_in_flight_overdue", type="payout") == overdue
