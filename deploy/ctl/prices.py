"""
What a file of prices says of a moment, and whether its past is that of the file before.

What a reduction is shown with follows from the prices of the 30 days before it, and it is shown for
30 days: prices of the last 60 days must stay as they were.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.prices.history import REDUCTION_PERIOD, scopes_of
from shared.prices.packages import Channel
from shared.prices.price_book import PriceBook

KEPT = 2 * REDUCTION_PERIOD


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a package, or of a thousand single coins, and the next one if it is known."""

    sku: str
    currency: str
    amount_minor: int
    reduced_from_minor: int | None
    next_minor: int | None
    next_from: datetime | None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A price of the past that a new file says differently; None where it has none."""

    sku: str
    currency: str
    channel: Channel
    country: str | None
    since: datetime
    before_minor: int | None
    after_minor: int | None


def prices_at(
    book: PriceBook, moment: datetime, channel: Channel, country: str | None
) -> Iterator[Price]:
    """Yield what the buyers of a country pay in a channel, in the order of the file."""
    listed = book.offered(moment, channel=channel, country=country)
    scopes = scopes_of(channel, country)
    for package in listed.sold:
        for currency, amount_minor in package.prices.items() if package.enabled else ():
            history = book.history(package.sku, currency)
            following = history.next_step(moment, scopes)
            yield Price(
                sku=package.sku,
                currency=currency,
                amount_minor=amount_minor,
                reduced_from_minor=listed.reduced_from.get(package.sku, {}).get(currency),
                next_minor=following[1] if following is not None else None,
                next_from=following[0] if following is not None else None,
            )


def rewrites(before: PriceBook, after: PriceBook, now: datetime) -> list[Rewrite]:
    """
    Return each price of the last 60 days that one file says differently from the other.

    A package that one of them does not have is not compared: it is not sold any more, or new.
    """
    found = []
    skus = {each.sku for each in before.sold} & {each.sku for each in after.sold}
    countries = sorted({*before.priced_countries, *after.priced_countries})
    first = now - KEPT
    changes = (*before.price_changes, *after.price_changes)
    turns = {each.effective_from for each in changes if first < each.effective_from <= now}
    moments = sorted({first, *turns})
    for sku, currency in sorted({*before.priced, *after.priced}):
        for channel in Channel if sku in skus else ():
            for country in (None, *countries):
                scopes = scopes_of(channel, country)
                for moment in moments:
                    was = before.history(sku, currency).at(moment, scopes)
                    becomes = after.history(sku, currency).at(moment, scopes)
                    if was != becomes:
                        found.append(Rewrite(sku, currency, channel, country, moment, was, becomes))
                        break
    return found
