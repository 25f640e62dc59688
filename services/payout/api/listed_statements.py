"""The statements of a creator in a list: what each period brought, and what was paid."""

from typing import Annotated

from services.payout.api.earnings import Money
from services.payout.api.statement_sheets import number_of
from services.payout.commands.statements import ListedPeriod
from shared.contracts.base import like
from shared.documents.seller import Seller
from shared.http.bodies import Body
from shared.http.fields import Diamonds, Instant


class ListedStatement(Body):
    """A month or a year; `number` of the month's self-bill, `closed_at` once it is final."""

    period: Annotated[str, like("2026-10", "2026")]
    """The month or the year, as the path of its statement names it."""
    number: Annotated[str, like("EX-SB-2026-000001")] | None
    """
    The number of the month's self-billing document; null for a year, and for a month without
    earnings or not closed yet.
    """
    closed_at: Annotated[Instant, like("2026-11-02T00:00:00Z")] | None
    """Since when it is final; null while it can still change."""
    earned_diamonds: Annotated[Diamonds, like(4_200)]
    """How many diamonds were earned: gifts, bonuses and corrections, less what was taken back."""
    paid_out: Annotated[list[Money], like([{"amount_minor": 1_000, "currency": "USD"}])]
    """What was paid out, one amount for each currency; empty if nothing was."""


class ListedStatements(Body):
    """The months, newest first, and then the years."""

    items: list[ListedStatement]
    """The months, newest first, and then the years."""


def listed_statement(each: ListedPeriod, seller: Seller) -> ListedStatement:
    number = each.number and number_of(seller, each.period.start.year, each.number)
    return ListedStatement(
        period=each.period.name,
        number=number or None,
        closed_at=each.closed_at,
        earned_diamonds=each.totals.earned_diamonds,
        paid_out=[
            Money(amount_minor=minor, currency=currency)
            for currency, minor in each.totals.paid_minor.items()
        ],
    )
