"""The periodic work of the purchase service: status polls, refunds, and the check of the books."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeAlias, TypeVar

import structlog

from services.purchase.commands import (
    acceptances,
    backfills,
    questions,
    refund_attempts,
    watches,
    webhook_archive,
)
from services.purchase.commands.acceptances import Acceptance
from services.purchase.commands.promotions import check_promises
from services.purchase.commands.questions import DueQuestion
from services.purchase.commands.refund_attempts import Attempt
from services.purchase.commands.status_polls import (
    CLAIMED_MAX,
    StatusPoll,
    StatusPolls,
    claim_open_purchases,
    claim_webhook_events,
)
from services.purchase.domain.backfills import Backfill, BackfillPlan
from services.purchase.domain.invoices import PLAIN, InvoiceRules
from services.purchase.domain.purchases import Purchase, UnmatchedEvent
from services.purchase.domain.watches import TURN_SECONDS, WatchPlan
from services.purchase.domain.webhook_archive import Replay
from services.purchase.providers import Providers
from services.purchase.store.acceptances import ACCEPTANCE_DUE
from services.purchase.store.invariants import INVARIANTS
from services.purchase.store.personal_data import PERSONAL_DATA
from services.purchase.store.questions import QUESTION_DUE
from services.purchase.store.refunds import REFUND_DUE
from shared.backoffice.erasures import repeat_erasures
from shared.backoffice.ledger_jobs import verify_job
from shared.keyring import Keyring
from shared.postgres.database import Database, Part, Transaction
from shared.runtime.service import Job, in_each_part

log = structlog.get_logger()

POLL_EVERY_SECONDS = 1.0
REFUND_EVERY_SECONDS = 1.0
ACCEPT_EVERY_SECONDS = 5.0
ANSWER_EVERY_SECONDS = 5.0
# How often it is looked whether a backfill is due.
BACKFILL_EVERY_SECONDS = 10.0
TIDY_EVERY_SECONDS = 60.0
REPLAY_EVERY_SECONDS = 5.0
ERASE_EVERY_SECONDS = 60.0
CHECK_EVERY_SECONDS = 60.0
# How many requests the providers get from a job at once.
AT_ONCE_MAX = 10

Due: TypeAlias = (
    StatusPoll | Attempt | Acceptance | DueQuestion | UnmatchedEvent | Backfill | Replay
)
Item = TypeVar("Item", bound=Due)


@dataclass(frozen=True, slots=True)
class Archive:
    """What encrypts webhooks as they came, and how long they are kept."""

    keys: Keyring
    retention: timedelta


def build(
    database: Database,
    providers: Providers,
    invoices: InvoiceRules = PLAIN,
    *,
    backfill_plan: BackfillPlan,
    archive: Archive,
    watch_plan: WatchPlan,
) -> list[Job]:
    polls = StatusPolls(database, providers, invoices)

    async def tidy() -> bool:
        async with database.reference.transaction() as tx:
            return await webhook_archive.tidy_archive(tx, archive.keys, archive.retention)

    async def erase_again(part: Part) -> bool:
        async with part.transaction() as tx:
            return await repeat_erasures(tx, PERSONAL_DATA)

    return [
        Job("purchase.status_polls", POLL_EVERY_SECONDS, partial(poll_due, polls)),
        Job(
            "purchase.refunds",
            REFUND_EVERY_SECONDS,
            partial(refund_due, database, providers, invoices),
            topic=REFUND_DUE,
        ),
        Job(
            "purchase.acceptances",
            ACCEPT_EVERY_SECONDS,
            partial(accept_due, database, providers),
            topic=ACCEPTANCE_DUE,
        ),
        Job(
            "purchase.questions",
            ANSWER_EVERY_SECONDS,
            partial(answer_due, database, providers),
            topic=QUESTION_DUE,
        ),
        Job(
            "purchase.backfills",
            BACKFILL_EVERY_SECONDS,
            partial(backfill_due, database, providers, backfill_plan),
        ),
        Job("purchase.webhook_archive", TIDY_EVERY_SECONDS, tidy),
        Job("purchase.watches", TURN_SECONDS, partial(watch_due, polls, providers, watch_plan)),
        Job(
            "purchase.replays",
            REPLAY_EVERY_SECONDS,
            partial(replay_due, database, providers, archive.keys),
        ),
        Job("purchase.erasures", ERASE_EVERY_SECONDS, in_each_part(database, erase_again)),
        Job("purchase.promises", CHECK_EVERY_SECONDS, partial(check_promises, database)),
        verify_job(database, INVARIANTS),
    ]


async def refund_due(
    database: Database, providers: Providers, invoices: InvoiceRules = PLAIN
) -> bool:
    """Send or look at every refund that is due; return whether there may be more."""

    async def claim(tx: Transaction) -> tuple[list[Attempt], bool]:
        return await refund_attempts.claim_refunds(tx, providers)

    async def run(attempt: Attempt) -> None:
        provider = providers[attempt.purchase.provider]
        result = await refund_attempts.run_attempt(provider, attempt)
        await refund_attempts.apply_attempt(database, attempt, result, invoices)

    return await _work_each(database, claim, run, "refund.failed")


async def poll_due(polls: StatusPolls) -> bool:
    """Poll the status of everything that is due; return whether there may be more."""

    async def claim(tx: Transaction) -> tuple[list[StatusPoll], bool]:
        due = await claim_open_purchases(tx)
        return due, len(due) >= CLAIMED_MAX

    due, unmatched, is_more = await claim_webhook_events(polls.database)
    is_more |= await _work_each(polls.database, claim, polls.run, "status_poll.failed")
    await _run_each(polls.run, due, "status_poll.failed")
    await _run_each(polls.resolve, unmatched, "webhook_event.failed")
    return is_more


async def accept_due(database: Database, providers: Providers) -> bool:
    """Tell the stores whose turn it is; return whether there may be more."""

    async def claim(tx: Transaction) -> tuple[list[Acceptance], bool]:
        due = await acceptances.claim_acceptances(tx)
        return due, len(due) >= acceptances.CLAIMED_MAX

    async def run(acceptance: Acceptance) -> None:
        await acceptances.run_acceptance(database, providers, acceptance)

    return await _work_each(database, claim, run, "acceptance.failed")


async def answer_due(database: Database, providers: Providers) -> bool:
    """Answer the stores' questions that are due; return whether there may be more."""

    async def claim(tx: Transaction) -> tuple[list[DueQuestion], bool]:
        due = await questions.claim_questions(tx)
        return due, len(due) >= questions.CLAIMED_MAX

    async def run(question: DueQuestion) -> None:
        await questions.answer_question(database, providers, question)

    return await _work_each(database, claim, run, "question.failed")


async def backfill_due(database: Database, providers: Providers, plan: BackfillPlan) -> bool:
    """Read the events that the providers list, of those that are due; others have to wait."""
    async with database.reference.transaction() as tx:
        due = await backfills.claim_backfills(tx, providers, plan)

    async def run(backfill: Backfill) -> None:
        await backfills.run_backfill(database, providers, backfill, plan)

    await _run_each(run, due, "backfill.failed")
    return False


async def watch_due(polls: StatusPolls, providers: Providers, plan: WatchPlan) -> bool:
    """Read some paid purchases again; the others wait for the next turn, so that it is few."""
    due = await watches.claim_watches(polls.database, providers, plan)
    answered: list[Purchase] = []

    async def run(poll: StatusPoll) -> None:
        if (purchase := await polls.run(poll)) is not None:
            answered.append(purchase)

    await _run_each(run, due, "watch.failed")
    await watches.end_watches(polls.database, answered, plan)
    return False


async def replay_due(database: Database, providers: Providers, keys: Keyring) -> bool:
    """Read the webhooks again that an operator asked for; return whether there may be more."""
    async with database.reference.transaction() as tx:
        due = await webhook_archive.claim_replays(tx, providers)

    async def run(replay: Replay) -> None:
        await webhook_archive.run_replay(database, providers, keys, replay)

    await _run_each(run, due, "replay.failed")
    return len(due) >= webhook_archive.REPLAYED_MAX


async def _work_each(
    database: Database,
    claim: Callable[[Transaction], Awaitable[tuple[list[Item], bool]]],
    run: Callable[[Item], Awaitable[object]],
    failed: str,
) -> bool:
    """
    Claim what is due in each part, then run all of it, so that providers are waited for once.

    A part that cannot be claimed in keeps no other from its turn. Return whether more is due.
    """
    claimed: list[Item] = []

    async def claim_in(part: Part) -> bool:
        async with part.transaction() as tx:
            due, is_more = await claim(tx)
        claimed.extend(due)
        return is_more

    try:
        return await in_each_part(database, claim_in)()
    finally:
        await _run_each(run, claimed, failed)


async def _run_each(
    run: Callable[[Item], Awaitable[object]], items: Sequence[Item], failed: str
) -> None:
    """Run for each item, a few at once; one that fails comes back at its next turn."""
    turns = asyncio.Semaphore(AT_ONCE_MAX)

    async def take_turn(item: Item) -> None:
        async with turns:
            await run(item)

    outcomes = await asyncio.gather(*map(take_turn, items), return_exceptions=True)
    for item, outcome in zip(items, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            log.error(failed, about=_about(item), error=repr(outcome)[:200])


def _about(item: Due) -> str:
    if isinstance(item, UnmatchedEvent):
        return item.event.webhook_id
    if isinstance(item, Replay):
        return item.webhook.webhook_id
    return item.provider if isinstance(item, Backfill) else str(item.purchase.id)
