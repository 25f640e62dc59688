"""What viewers may spend, as they or an operator have set it, and what they have spent."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import uuid5

from services.wallet.domain.coins import COINS
from services.wallet.domain.limits import (
    OPERATOR,
    USER,
    LimitWish,
    Period,
    Rules,
    Spent,
    counts_from,
    is_raised,
    limit_at,
    next_change,
    starts_on,
)
from services.wallet.domain.quotas import EXCLUSIONS, LIMIT_RAISES, LIMIT_REDUCTIONS
from services.wallet.store import restraints
from services.wallet.store.restraints import Exclusion
from shared.backoffice.adjustments import audit
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.wallet import ExclusionEnded, ExclusionStarted
from shared.idempotency import Key, KeyReused, count_key
from shared.ledger.book import open_book
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction
from shared.quotas import store as quotas

EXCLUSION_REFERENCE = "exclusion:{}"
EXCLUSION_END_REFERENCE = "exclusion:{}:end"
ENDED_MAX = 500
ROUTE = "/v1/wallets/{user}/exclusions"


@dataclass(frozen=True, slots=True)
class LimitStanding:
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

    A smaller wish replaces a larger one that waits, also where both are above what holds today.

    What an operator sets counts at once, and is written into the audit log.
    """
    set_by = USER if operator is None else OPERATOR
    book = await open_book(tx, COINS, [(user, "limits")])
    now = book.recorded_at
    about = (period.value, unit, set_by)
    known = (await restraints.wishes_of(tx, user, now=now)).get(about, [])
    if known and known[-1].amount == amount:
        return
    delay = timedelta(hours=rules.raise_after_hours) if operator is None else timedelta()
    current = limit_at(known, now)
    from_at = counts_from(current, amount, now=now, delay=delay)
    if operator is None:
        raised = is_raised(current, amount)
        await quotas.use(tx, user, LIMIT_RAISES if raised else LIMIT_REDUCTIONS)
    await restraints.add_wish(tx, user, about, LimitWish(amount, from_at))
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
) -> list[LimitStanding]:
    """Return the limits of a user, those of everyone included."""
    today = rules.day_of(now)
    budget = (await restraints.budgets(tx, [user], rules, today=today, now=now))[user]
    wishes = await restraints.wishes_of(tx, user, now=now)
    standings = []
    for limit in budget.limits:
        coming = next_change(wishes.get(restraints.about_of(limit), []), now)
        standings.append(
            LimitStanding(
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
    return standings


async def read_spending(
    tx: Transaction, user: str, rules: Rules, *, now: datetime
) -> dict[str, Spent]:
    """Return what a user has spent this calendar month, by the currency it was bought in."""
    first = starts_on(Period.MONTH, rules.day_of(now))
    by_currency: dict[str, Spent] = {}
    for (_, currency), spent in (await restraints.spent_since(tx, user, first)).items():
        total = by_currency.setdefault(currency, Spent())
        total.coins += spent.coins
        total.amount_minor += spent.amount_minor
    return by_currency


async def exclude(
    tx: Transaction,
    user: str,
    *,
    days: int,
    key: str,
    request_hash: bytes,
    correlation_id: str,
) -> Exclusion:
    """
    Keep a user from spending for some days, as they wish; it cannot be taken back.

    Only the user sees the id of the exclusion: it names no user to others.
    """
    identifier = uuid5(NAMESPACE, f"exclusion\n{user}\n{key}")
    reference = EXCLUSION_REFERENCE.format(identifier)
    book = await open_book(tx, COINS, [(user, reference)])
    until = book.recorded_at + timedelta(days=days)
    wanted = Exclusion(user, identifier, until)
    new, asked = await restraints.add_exclusion(tx, wanted, key=key, request_hash=request_hash)
    if asked != request_hash:
        raise KeyReused(exclusion=identifier)
    if new:
        await quotas.use(tx, user, EXCLUSIONS)
    tx.after_commit(lambda: count_key(ROUTE, Key.NEW if new else Key.REPEATED))
    if not new:
        said = ExclusionStarted.model_validate_json(book[user].outcomes[reference].result)
        return Exclusion(user, identifier, said.until)
    event = ExclusionStarted(viewer=user, exclusion=identifier, until=until)
    version = book[user].refuse(reference=reference, request_hash=request_hash)
    book[user].record_result(event.model_dump_json())
    await book.write(tx)
    await publish(tx, [Fact(event, version, Cause(correlation_id), book.recorded_at)])
    return wanted


async def end_exclusions(tx: Transaction, *, now: datetime) -> bool:
    """Announce exclusions that are over; return whether there may be more."""
    over = await restraints.ended_exclusions(tx, now=now, limit=ENDED_MAX)
    if not over:
        return False
    references = {each.id: EXCLUSION_END_REFERENCE.format(each.id) for each in over}
    book = await open_book(tx, COINS, [(each.user, references[each.id]) for each in over])
    facts = []
    for each in over:
        accounts = book[each.user]
        if references[each.id] in accounts.outcomes:
            continue
        event = ExclusionEnded(viewer=each.user, exclusion=each.id, until=each.until)
        version = accounts.refuse(reference=references[each.id], request_hash=each.id.bytes)
        accounts.record_result(event.model_dump_json())
        facts.append(Fact(event, version, Cause(str(each.id)), book.recorded_at))
    await book.write(tx)
    await restraints.end_exclusions(tx, over, now=now)
    await publish(tx, facts)
    return len(over) == ENDED_MAX


async def read_exclusion(tx: Transaction, user: str, *, now: datetime) -> Exclusion | None:
    return await restraints.exclusion(tx, user, now=now)
