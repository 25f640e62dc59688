"""The prices of coins, at the terminal; no server is needed."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from deploy.config.environment import ROOT
from deploy.ctl.commands.options import Json
from deploy.ctl.output import FOUND_WRONG, USAGE, complain, show, tell
from deploy.ctl.prices import Price, Rewrite, prices_at, rewrites
from shared.identity.countries import COUNTRIES
from shared.money import amount_text
from shared.prices.files import read_price_book
from shared.prices.packages import Channel
from shared.prices.price_book import PriceBook

PACKAGES = ROOT / "seeds" / "packages.toml"

app = typer.Typer(help="Prices of coins: what holds when, and whether the past stays.")
_File = typer.Option(exists=True, dir_okay=False, readable=True)
_Before = typer.Argument(exists=True, dir_okay=False, readable=True, help="The file before.")


@app.command("show")
def show_prices(
    *,
    country: Annotated[str | None, typer.Option(help="Of buyers of this country: DE.")] = None,
    channel: Annotated[Channel, typer.Option(help="Where they buy.")] = Channel.WEB,
    at: Annotated[datetime | None, typer.Option(help="At this time (UTC); now without it.")] = None,
    packages: Annotated[Path, _File] = PACKAGES,
    as_json: Json = False,
) -> None:
    """Show what coins cost, what a reduction is shown with, and the next price that is known."""
    if country is not None and country not in COUNTRIES:
        complain(f"{country} is no country: use two capital letters, as DE.")
        raise typer.Exit(USAGE)
    moment = at.replace(tzinfo=UTC) if at is not None else datetime.now(UTC)
    found = list(prices_at(_read(packages), moment, channel, country))
    rows = [_document(price) if as_json else _row(price) for price in found]
    show(rows, as_json=as_json, empty="Nothing is sold.")


@app.command("compare")
def compare_prices(
    before: Annotated[Path, _Before],
    *,
    packages: Annotated[Path, _File] = PACKAGES,
    as_json: Json = False,
) -> None:
    """Find prices of the last 60 days that the new file says differently from the one before."""
    found = rewrites(_read(before), _read(packages), datetime.now(UTC))
    show([_rewrite(each) for each in found], as_json=as_json, empty="The past is as it was.")
    if found:
        if not as_json:
            tell(
                "A reduction would name a price that was never asked, or miss one that was."
                " Keep old entries as they are, and let new ones begin in the future."
            )
        raise typer.Exit(FOUND_WRONG)


def _read(path: Path) -> PriceBook:
    try:
        return read_price_book(path)
    except (ValidationError, AssertionError, tomllib.TOMLDecodeError) as error:
        complain(f"{path}: {error}")
        raise typer.Exit(USAGE) from error


def _row(price: Price) -> dict[str, object]:
    return {
        "package": price.sku,
        "price": amount_text(price.amount_minor, price.currency),
        "reduced_from": _text(price.reduced_from_minor, price.currency),
        "next": _text(price.next_minor, price.currency),
        "from": price.next_from and price.next_from.isoformat(),
    }


def _document(price: Price) -> dict[str, object]:
    return {
        "sku": price.sku,
        "currency": price.currency,
        "amount_minor": price.amount_minor,
        "reduced_from_minor": price.reduced_from_minor,
        "next_minor": price.next_minor,
        "next_from": price.next_from and price.next_from.isoformat(),
    }


def _rewrite(found: Rewrite) -> dict[str, object]:
    return {
        "package": found.sku,
        "channel": found.channel.value,
        "country": found.country or "any",
        "since": found.since.isoformat(timespec="seconds"),
        "before": _text(found.before_minor, found.currency),
        "after": _text(found.after_minor, found.currency),
    }


def _text(amount_minor: int | None, currency: str) -> str | None:
    return None if amount_minor is None else amount_text(amount_minor, currency)
