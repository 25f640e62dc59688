"""What viewers may spend, as they or an operator have set it, and what they have spent."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.wallet.domain.coins import COINS
from services.wallet.domain.limits import (
    OPERATOR,
    USER,
    LimitRequest,
    Period,
    Rules,
    Spent,
    counts_from,
    is_raised,
    limit_at,
    next_change,
    starts_on,
)
from services.wallet.domain.quotas import LIMIT_RAISES, LIMIT_REDUCTIONS
from services.wallet.store import limits as limit_store
from shared.backoffice.adjustments import audit
from shared.ledger.book import open_book
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

EXCLUSION_REFERENCE = "exclusion:{}"
EXCLUSION_END_REFERENCE = "exclusion:{}:end"
ENDED_MAX = 500
ROUTE = "/v1/wallets/{user}/exclusions"


@dataclass(frozen=True, slots=True)
class LimitState:
    """A limit in force, what was spent of it, and what it becomes when."""

    period: Period
    unit: str
    set_by: str
    amount: int | None
    spent: int
    starts_on: date
    next_amount: int | None = None
    next_from: datetime | None = None


async def set_limit(
    tx: Transaction,
    user: str,
    *,
    period: Period,
    unit: str,
    amount: int | None,
    rules: Rules,
    operator: str | None = None,
    reason: str = "",
) -> None:
    """
    Set a limit, or take it away with None; the user's own is raised a day later only.

    A smaller request replaces a larger one that waits, also if both are above today's limit.

    What an operator sets counts at once, and is written into the audit log.
    """
    set_by = USER if operator is None else OPERATOR
    book = await open_book(tx, COINS, [(user, "limits")])
    now = book.recorded_at
    about = (period.value, unit, set_by)
    known = (await limit_store.requests_of(tx, user, now=now)).get(about, [])
    if known and known[-1].amount == amount:
        return
    delay = timedelta(hours=rules.raise_after_hours) if operator is None else timedelta()
    current = limit_at(known, now)
    from_at = counts_from(current, amount, now=now, delay=delay)
    if operator is None:
        raised = is_raised(current, amount)
        await quotas.use(tx, user, LIMIT_RAISES if raised else LIMIT_REDUCTIONS)
    await limit_store.add_request(tx, user, about, LimitRequest(amount, from_at))
    if operator is not None:
        await audit(
            tx,
            operator=operator,
            action="limit.set",
            user=user,
            reason=reason,
            period=period.value,
            unit=unit,
            amount=amount,
        )


async def read_limits(
    tx: Transaction, user: str, rules: Rules, *, now: datetime
) -> list[LimitState]:
    """Return the limits of a user, those of everyone included."""
    today = rules.day_of(now)
    budget = (await limit_store.budgets(tx, [user], rules, today=today, now=now))[user]
    requests = await limit_store.requests_of(tx, user, now=now)
    states = []
    for limit in budget.limits:
        coming = next_change(requests.get(limit_store.about_of(limit), []), now)
        states.append(
            LimitState(
                period=limit.period,
                unit=limit.unit,
                set_by=limit.set_by,
                amount=limit.amount,
                spent=budget.used(limit),
                starts_on=starts_on(limit.period, today),
                next_amount=coming[1] if coming else None,
                next_from=coming[0] if coming else None,
            )
        )
    return states


async def read_spending(
    tx: Transaction, user: str, rules: Rules, *, now: datetime
) -> dict[str, Spent]:
    """Return what a user has spent this calendar month, by the currency it was bought in."""
    first = starts_on(Period.MONTH, rules.day_of(now))
    by_currency: dict[str, Spent] = {}
    for (_, currency), spent in (await limit_store.spent_since(tx, user, first)).items():
        total = by_currency.setdefault(currency, Spent())
        total.coins += spent.coins
        total.amount_minor += spent.amount_minor
    return by_currency
