"""Filings: creators' years by country, and the forms that name them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from operator import attrgetter
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from deploy.config.environment import ROOT
from deploy.ctl.__main__ import app
from deploy.ctl.filings import read_filings
from services.payout.domain.filings import Reach, YearTotals, forms_of
from services.payout.domain.payouts import ProviderStatus
from services.payout.store import attempts
from services.payout.store.filings import open_creators, year_totals
from tests.clients import a_token, client_of
from tests.payout.books import close_months
from tests.payout.conftest import PAYEE, a_gift_sent
from tests.payout.entries import A_MONTH, record_within_the_month_of
from tests.payout.test_maturity import reversal

FILE = ROOT / "seeds" / "filings.toml"
FILINGS = read_filings(FILE)
REACHED, UNKNOWN = Reach.REACHED, Reach.UNKNOWN


def totals(**about):
    numbers = dict.fromkeys(YearTotals.__slots__, 0)
    return YearTotals(**{**numbers, "creator": "lea", "country": "US", "currency": "USD", **about})


@pytest.mark.parametrize(
    ("year", "about", "forms"),
    [
        (2026, {"gross_minor": 2_000_001, "gifts": 201}, {"1099-K": REACHED}),
        (2026, {"gross_minor": 2_000_000, "gifts": 201}, {}),
        (2026, {"gross_minor": 9_000_000, "gifts": 200}, {}),
        (2021, {"gross_minor": 9_000_000, "gifts": 900}, {}),
        (2026, {"gross_minor": 9_000_000, "gifts": 900, "currency": "EUR"}, {"1099-K": UNKNOWN}),
        (2026, {"paid_minor": 200_000, "payouts": 1}, {"1099-NEC": REACHED}),
        (2026, {"paid_minor": 199_999, "payouts": 1}, {}),
        (2025, {"paid_minor": 60_000, "payouts": 1}, {"1099-NEC": REACHED}),
        (2026, {"paid_minor": 60_000, "payouts": 1}, {}),
        # Personal services have no threshold, in whatever currency.
        (2026, {"country": "DE", "gross_minor": 1, "gifts": 1}, {"DAC7": REACHED}),
        (2026, {"country": "DE", "gross_minor": 0, "gifts": 1}, {}),
        (2026, {"country": "GB", "gross_minor": 1, "gifts": 1}, {"UK-DPR": REACHED}),
        (2023, {"country": "GB", "gross_minor": 1, "gifts": 1}, {}),
        (2026, {"country": None, "gross_minor": 9_000_000, "gifts": 900}, {}),
    ],
)
def test_a_creator_is_on_the_forms_of_their_country_and_year(year, about, forms):
    assert dict(forms_of(totals(**about), FILINGS, year)) == forms


@pytest.mark.parametrize(
    "wrong", ['countries = ["XX"]', 'currency = "ABC"', "over_minor = -1", 'figure = "net"']
)
def test_a_mistake_in_the_file_is_named(tmp_path, wrong):
    key = wrong.split(" ", maxsplit=1)[0]
    lines = FILE.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith(f"{key} = "))
    changed = tmp_path / "filings.toml"
    changed.write_text("\n".join([*lines[:place], wrong, *lines[place + 1 :]]))

    done = CliRunner().invoke(
        app, ["filings", "totals", "--year", "2026", "--thresholds", str(changed)]
    )

    assert done.exit_code == 2
    assert "filings.toml" in done.stderr


@pytest.fixture
def now():
    """When the test begins."""
    return datetime.now(UTC)


@pytest.fixture
def a_year(lea, hear, database, postgres, apply_status, now):
    """A year of a creator in Germany: three gifts, one of them taken back, and a payout."""

    async def tell():
        taken = a_gift_sent(600)
        await hear(a_gift_sent(4_000), a_gift_sent(1_000), taken)
        await hear(reversal(taken, 1, 600))
        token = a_token("lea", roles=["creator"], country="DE")
        async with client_of(lea.app, token) as client:
            await client.put(PAYEE, json={"destination": "acct_ok_lea"})
            quote = (await client.post("/v1/payouts/quotes", json={"diamonds": 2_000})).json()
            headers = {"Idempotency-Key": uuid4().hex}
            asked = {"quote": quote["quote"]}
            assert (await client.post("/v1/payouts", json=asked, headers=headers)).is_success
        async with database.part_for("lea").transaction() as tx:
            await attempts.open_for_approved(tx, 10)
            (claimed,) = await attempts.claim_due(tx, 10)
        await apply_status(claimed, ProviderStatus.PAID)
        await hear(a_gift_sent(10, creator="tom"))
        record_within_the_month_of(database, postgres, now)
        await close_months(database, now=now + 13 * A_MONTH)

    return tell


@pytest.fixture
def read(database, now):
    """Read the year in which the test began."""

    async def totals_of(country=None):
        found = []
        for part in database.parts:
            async with part.snapshot() as tx:
                assert await open_creators(tx, now.year) == 0
                found += [each async for each in year_totals(tx, now.year, country=country)]
        return sorted(found, key=attrgetter("creator"))

    return totals_of


async def test_a_year_is_summed_up_by_creator_and_quarter(a_year, read, now):
    await a_year()

    lea, tom = await read()

    quarter = ("first", "second", "third", "fourth")[(now.month - 1) // 3]
    expected = totals(
        country="DE",
        gross_minor=2_800,
        taken_back_minor=-300,
        paid_minor=1_000,
        gifts=3,
        payouts=1,
    )
    expected = replace(expected, **{f"{quarter}_minor": 2_500, f"{quarter}_gifts": 3})
    assert lea == expected
    assert lea.earned_minor == 2_500
    assert (tom.creator, tom.country, tom.gross_minor) == ("tom", None, 5)
    assert await read("DE") == [lea]
    assert await read("FR") == []


async def test_a_year_that_is_not_closed_is_said_to_be_open(hear, database, now):
    await hear(a_gift_sent(10))
    await close_months(database, now=now)

    async with database.part_for("lea").snapshot() as tx:
        assert await open_creators(tx, now.year) == 1


def test_a_year_that_cannot_be_is_a_wrong_usage():
    for year in ("1999", str(date.max.year), "x"):
        assert CliRunner().invoke(app, ["filings", "totals", "--year", year]).exit_code == 2
