"""The margins of an installation's prices, at the terminal."""

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from deploy.config.environment import ROOT
from deploy.ctl.commands.options import Json
from deploy.ctl.economics import Economics, NoFigure, Sale, read_economics, rounded
from deploy.ctl.output import USAGE, complain, show, tell
from shared.money import Rounding, amount_text, exponent_of, is_currency

SEEDS = ROOT / "seeds"
# A diamond is worth parts of a cent: so many decimals more than an amount has.
DIAMOND_DECIMALS = 3

app = typer.Typer()
_File = typer.Option(exists=True, dir_okay=False, readable=True)


@app.command()
def economics(
    *,
    currency: Annotated[str, typer.Option(help="Prices in this currency.")] = "USD",
    packages: Annotated[Path, _File] = SEEDS / "packages.toml",
    rules: Annotated[Path, _File] = SEEDS / "rules.toml",
    rates: Annotated[Path, _File] = SEEDS / "rates.toml",
    channels: Annotated[Path, _File] = SEEDS / "economics.toml",
    as_json: Json = False,
) -> None:
    """Show what is left of each package in each channel after tax, fees and diamonds."""
    if not is_currency(currency):
        complain(f"{currency} is no currency of ISO 4217 that is in use.")
        raise typer.Exit(USAGE)
    try:
        found = read_economics(packages, rules, rates, channels, currency)
    except (NoFigure, AssertionError, LookupError, TypeError, ValueError) as error:
        complain(f"No margins: {error}")
        raise typer.Exit(USAGE) from error
    if as_json:
        sys.stdout.write(json.dumps(_document(found)) + "\n")
        return
    show([_row(found, sale) for sale in found.sales], as_json=False, empty="Nothing is sold.")
    for line in _notes(found):
        tell(line)


def _row(found: Economics, sale: Sale) -> dict[str, object]:
    cells = {channel.name: found.margin(sale, channel) for channel in found.channels}
    return {
        "package": sale.sku,
        "coins": sale.coins,
        "price": amount_text(sale.price_minor, found.currency),
        **{
            name: None
            if margin is None
            else f"{_decimal(rounded(margin), exponent_of(found.currency))}"
            f" ({_decimal(rounded(margin * 1000 / sale.price_minor), 1)}%)"
            for name, margin in cells.items()
        },
    }


def _notes(found: Economics) -> list[str]:
    """Say how the figures came about, and which of them are losses."""
    value, sale, channel = found.break_even()
    per_1000 = rounded(value * 1_000, Rounding.DOWN)
    losses = [
        f"Loses money: {sale.coins} coins of {sale.sku} by {channel.name}."
        for sale in found.sales
        for channel in found.channels
        if (margin := found.margin(sale, channel)) is not None and margin < 0
    ]
    left = (
        f"Left in {found.currency} of a price, tax included, after tax, the channel's fee and"
        f" {_diamond(found, found.diamond_minor)} for each diamond, before disputes; to the nearest"
        " minor unit."
    )
    break_even = (
        f"Break-even: a diamond may be worth {_diamond(found, value)} ({sale.sku} by"
        f" {channel.name}); at most {per_1000} minor units of {found.currency} for 1,000, rounded"
        " down."
    )
    return [left, break_even, *losses]


def _document(found: Economics) -> dict[str, object]:
    """Return the figures for programs: whole minor units, and shares in tenths of a percent."""
    value, worst, where = found.break_even()
    return {
        "currency": found.currency,
        "diamonds_minor_per_1000": rounded(found.diamond_minor * 1_000),
        "break_even": {
            "minor_per_1000": rounded(value * 1_000, Rounding.DOWN),
            "sku": worst.sku,
            "channel": where.name,
        },
        "margins": [
            {
                "sku": sale.sku,
                "coins": sale.coins,
                "price_minor": sale.price_minor,
                "channel": channel.name,
                "margin_minor": rounded(margin),
                "margin_permille": rounded(margin * 1_000 / sale.price_minor),
            }
            for sale in found.sales
            for channel in found.channels
            if (margin := found.margin(sale, channel)) is not None
        ],
    }


def _diamond(found: Economics, minor: Fraction) -> str:
    decimals = exponent_of(found.currency) + DIAMOND_DECIMALS
    return f"{_decimal(rounded(minor * 10**DIAMOND_DECIMALS), decimals)} {found.currency}"


def _decimal(value: int, decimals: int) -> str:
    """Write a whole number of the last decimal place: -6 with two decimals is -0.06."""
    sign, digits = "-" if value < 0 else "", str(abs(value)).zfill(decimals + 1)
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"
