"""What an installation owes to viewers and creators, at the terminal."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from deploy.ctl.commands.options import Json
from deploy.ctl.commands.runner import here, run_long
from deploy.ctl.installation import Installation
from deploy.ctl.output import USAGE, complain, show
from services.payout.commands.finance import read_payable
from services.payout.domain.finance import DayOpen
from services.wallet.commands.liability import read_liability
from services.wallet.domain.liability import LiabilityUnknown
from shared.identity.countries import COUNTRIES

app = typer.Typer(help="Liabilities of a day.")


@app.callback()
def finance() -> None:
    """Liabilities of a day."""


@app.command("liability")
def show_liability(
    *,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="At the end of this day; yesterday without it."),
    ] = None,
    country: Annotated[str | None, typer.Option(help="Of this country alone: JP.")] = None,
    as_json: Json = False,
) -> None:
    """
    Show what was owed at the end of a day (UTC): coins to viewers, diamonds and money to creators.

    Amounts are whole minor units; those of coins are net, and gross with their tax.
    """
    if country is not None and country not in COUNTRIES:
        complain(f"{country} is no country: use two capital letters, as JP.")
        raise typer.Exit(USAGE)
    day = as_of or datetime.now(UTC) - timedelta(days=1)
    try:
        rows = run_long(_read(here(), day, country), "Books are read", as_json=as_json)
    except (DayOpen, LiabilityUnknown) as refused:
        complain(f"{day:%Y-%m-%d}: {refused.title()}")
        raise typer.Exit(USAGE) from refused
    show(rows, as_json=as_json, empty="Nothing was owed.")


async def _read(
    installation: Installation, as_of: datetime, country: str | None
) -> list[dict[str, object]]:
    day = as_of.date()
    async with installation.opened("payout") as database:
        payable = await read_payable(
            database, day, zone="UTC", country=country, now=datetime.now(UTC)
        )
    async with installation.opened("wallet") as database:
        owed = await read_liability(database, as_of=day, country=country)
    rows: list[dict[str, object]] = [
        {
            "owed_to": "viewers",
            "country": country,
            "unit": line.currency,
            "age": line.age,
            "coins": line.unspent_coins,
            "gross": line.deferred_gross_minor,
            "net": line.deferred_minor,
        }
        for line in owed
    ]
    rows += [
        {
            "owed_to": "creators",
            "country": each.country,
            "unit": each.asset,
            "age": None,
            "coins": None,
            "gross": each.amount,
            "net": each.amount,
        }
        for each in payable
    ]
    return rows
