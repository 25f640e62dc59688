"""Which creators belong on which forms, by `seeds/filings.toml` and their closed months."""

import tomllib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import TypeAdapter

from deploy.ctl.installation import Installation
from services.payout.domain.filings import Filing, Reach, YearTotals, forms_of
from services.payout.store import filings as store
from shared.identity.countries import COUNTRIES
from shared.money import require_currencies


@dataclass(frozen=True, slots=True)
class Filed:
    """A creator's year, and the forms that it belongs on."""

    totals: YearTotals
    forms: Sequence[tuple[str, Reach]]


def read_filings(path: Path) -> list[Filing]:
    """Read the thresholds; a mistake is named."""
    written = tomllib.loads(path.read_text(encoding="utf-8"))["filings"]
    filings = TypeAdapter(list[Filing]).validate_python(written)
    require_currencies(filing.currency for filing in filings)
    for filing in filings:
        unknown = sorted(set(filing.countries) - set(COUNTRIES))
        assert not unknown, f"{filing.form}: {', '.join(unknown)} are no countries"
    return filings


async def read_totals(
    installation: Installation, filings: Sequence[Filing], year: int, country: str | None
) -> AsyncIterator[Filed | int]:
    """Yield how many creators' years are still open, and then each creator's year."""
    async with installation.opened("payout") as database:
        yield sum(await database.read_each(partial(store.open_creators, year=year)))
        for part in database.parts:
            async with part.snapshot() as tx:
                async for totals in store.year_totals(tx, year, country=country):
                    yield Filed(totals, list(forms_of(totals, filings, year)))
