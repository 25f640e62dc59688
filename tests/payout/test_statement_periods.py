"""Periods of statements: months and years, as addresses name them."""

from datetime import date

import pytest

from services.payout.domain.statements import NoStatement, next_month, parse_period
from tests.payout.conftest import a_gift_sent


@pytest.mark.parametrize("period", ["2999", "2999-12", "0000", "9999", "1999-01", "2026-13"])
async def test_a_period_that_is_not_there_has_no_statement(hear, lea, period):
    await hear(a_gift_sent(10))

    answer = await lea.get(f"/v1/earnings/me/statements/{period}")

    assert (answer.status_code, answer.json()["code"]) == (404, "no-statement")


@pytest.mark.parametrize("name", ["2026-1", "26-11", "2026-00", "2026-11-01", "٢٠٢٦", ""])
def test_only_months_and_years_are_periods(name):
    with pytest.raises(NoStatement):
        parse_period(name)


def test_a_month_ends_where_the_next_begins():
    assert parse_period("2026-12").end == next_month(date(2026, 12, 1)) == date(2027, 1, 1)
    assert parse_period("2026").end == date(2027, 1, 1)
    assert [parse_period(name).name for name in ("2026-02", "2026")] == ["2026-02", "2026"]
