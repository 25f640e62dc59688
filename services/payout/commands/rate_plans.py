"""Rate plans: their versions are announced once, and operators assign them to creators."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from services.payout.commands.valuations import open_books
from services.payout.domain.rate_plans import (
    Assignment,
    Change,
    Rate,
    RatePlans,
    RatesRefused,
    TermsExist,
    TermsInThePast,
    TooManyTerms,
    new_versions,
    plan_at,
)
from services.payout.domain.rates import Rules
from services.payout.domain.splits import Split
from services.payout.store import rate_plans as store
from services.payout.store import splits as splits_store
from shared.backoffice.adjustments import audit
from shared.contracts.envelope import Cause
from shared.contracts.rates import CreatorRateAnnounced, RateAnnounced
from shared.identity.people import require_other_person
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Database, Transaction

ASSIGNMENTS_MAX = 200


@dataclass(frozen=True, slots=True)
class Terms:
    """What a creator gets: their rate, its next change, and with whom their gifts are shared."""

    plan: str
    rate: Rate
    next_change: Change | None
    split: Split | None
    next_split: Split | None


async def announce_rates(database: Database, rules: Rules, now: datetime) -> None:
    """
    Record the versions that this service sees for the first time, and publish what they change.

    Raise RatesRefused if the file breaks what was announced before. Of several instances that
    start together one announces.
    """
    rates = rules.rates
    assigned = set(chain.from_iterable(await database.read_each(store.assigned_plans)))
    if missing := assigned - set(rates.plans):
        raise RatesRefused(f"Creators are on the rate plans {sorted(missing)}: keep them.")
    async with database.reference.transaction() as tx:
        await _announce(tx, rates, now)


async def _announce(tx: Transaction, rates: RatePlans, now: datetime) -> None:
    announced = await store.announced(tx)
    found = new_versions(rates, announced, now=now)
    await store.add_announcements(tx, [version for version, _ in found])
    facts = []
    for version, change in found:
        if change is not None:
            event = RateAnnounced(
                plan=version.plan, rate_version=version.rate.version, **_about(change)
            )
            story = Cause(f"rate-{version.rate.version}")
            facts.append(Fact(event, version.rate.version, story, now))
    await publish(tx, facts, archive=True)


async def assign_plan(
    tx: Transaction,
    creator: str,
    assignment: Assignment,
    *,
    operator: str,
    reason: str,
    correlation_id: str,
    rules: Rules,
) -> None:
    """Put a creator on a plan from some moment on; the same assignment again changes nothing."""
    require_other_person(operator=operator, user=creator)
    rules.rates.require_plan(assignment.plan)
    # The lock lets no entry be posted meanwhile, and opens the accounts of a new creator.
    book = await open_books(tx, [(creator, "rate-plan")], rules)
    before = await store.assignments_of(tx, creator)
    if any(known.effective_from == assignment.effective_from for known in before):
        if assignment not in before:
            raise TermsExist(effective_from=assignment.effective_from)
        return
    if assignment.effective_from <= book.recorded_at:
        raise TermsInThePast(effective_from=assignment.effective_from)
    if len(before) >= ASSIGNMENTS_MAX:
        raise TooManyTerms(maximum=ASSIGNMENTS_MAX)
    after = [*before, assignment]
    rules.rates.require_notice(before, after, now=book.recorded_at)
    await store.assign(tx, creator, assignment)
    await audit(
        tx,
        operator=operator,
        action="rate_plan.assigned",
        user=creator,
        reason=reason,
        plan=assignment.plan,
        effective_from=assignment.effective_from,
    )
    change = Change(
        assignment.effective_from,
        rules.rates.rate_of(before, assignment.effective_from),
        rules.rates.rate_of(after, assignment.effective_from),
    )
    event = CreatorRateAnnounced(creator=creator, plan=assignment.plan, **_about(change))
    fact = Fact(event, len(after), Cause(correlation_id), book.recorded_at)
    await publish(tx, [fact], archive=True)


async def read_rate(tx: Transaction, creator: str, rules: Rules, now: datetime) -> Rate:
    """Return a creator's rate at a moment; to decide by it, use what `open_books` notes."""
    return rules.rates.rate_of(await store.assignments_of(tx, creator), now)


async def read_terms(tx: Transaction, creator: str, rules: Rules) -> Terms:
    """Return what a creator gets now, and what was announced to follow."""
    now = datetime.now(UTC)
    assignments = await store.assignments_of(tx, creator)
    splits = (await splits_store.read(tx, [creator])).get(creator, [])
    begun = [split for split in splits if split.effective_from <= now]
    coming = splits[len(begun) :]
    return Terms(
        plan=plan_at(assignments, now),
        rate=rules.rates.rate_of(assignments, now),
        next_change=next(iter(rules.rates.changes(assignments, after=now)), None),
        split=begun[-1] if begun else None,
        next_split=coming[0] if coming else None,
    )


def _about(change: Change) -> dict[str, object]:
    return {
        "effective_from": change.effective_from,
        "currency": change.new.currency,
        "value_minor_per_1000": change.new.value_minor_per_1000,
        "old_currency": change.old.currency,
        "old_value_minor_per_1000": change.old.value_minor_per_1000,
    }
