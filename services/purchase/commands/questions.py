"""
Questions of stores: how much of a purchase was used, before the store decides about a refund.

Nothing is told without the buyer's consent. The wallet knows which coins are used: it is asked by
an event, and answers with one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from services.purchase.domain.purchases import (
    CONSUMPTION_REQUEST,
    Payment,
    ProviderStatus,
    Purchase,
    State,
    WebhookEvent,
)
from services.purchase.domain.questions import ANSWERABLE_FOR, StoreQuestion, question_id
from services.purchase.providers import (
    Consumption,
    ProviderRejected,
    Providers,
    ProviderUnavailable,
    Stores,
)
from services.purchase.store import purchases, questions
from services.purchase.store.questions import Usage
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause, Envelope
from shared.contracts.purchase import PurchaseUsageRequested
from shared.contracts.wallet import UsageReported
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

CLAIMED_MAX = 100
TOO_LATE = "too-late"


@dataclass(frozen=True, slots=True)
class DueQuestion:
    """A question that can be answered, and the purchase it is about."""

    question: StoreQuestion
    purchase: Purchase


async def record_questions(
    tx: Transaction,
    asked: Sequence[tuple[Purchase, ProviderStatus | None, WebhookEvent]],
    *,
    now: datetime,
) -> None:
    """Record what stores ask about locked purchases, and let the wallet say what is used."""
    new: list[tuple[Purchase, StoreQuestion]] = []
    for purchase, status, event in asked:
        if event.kind != CONSUMPTION_REQUEST or not isinstance(status, Payment):
            continue
        if status.id != purchase.payment or not purchase.consumption_consent:
            log.info("question.unanswered", purchase=str(purchase.id))
            continue
        new.append((purchase, _question(purchase, event, now)))
    if not new:
        return
    added = await questions.add(tx, [question for _, question in new])
    facts, numbered = [], []
    for purchase, question in new:
        if question.id in added and question.coins is None:
            numbered.append(replace(purchase, version=purchase.version + 1))
            facts.append(_usage_requested(numbered[-1], question, now))
    await purchases.save(tx, numbered, now=now)
    await publish(tx, facts, archive=True)


def _question(purchase: Purchase, event: WebhookEvent, now: datetime) -> StoreQuestion:
    """Return a question; of coins that are not in the wallet yet none is used."""
    known: dict[str, int] = {}
    if purchase.state is not State.COMPLETED:
        known = {"coins": purchase.all_coins, "used_coins": 0}
    identifier = question_id(NAMESPACE, purchase.provider, event.webhook_id)
    return StoreQuestion(
        viewer=purchase.viewer,
        purchase=purchase.id,
        id=identifier,
        question=event.webhook_id,
        asked_at=now,
        **known,
    )


def _usage_requested(purchase: Purchase, question: StoreQuestion, now: datetime) -> Fact:
    event = PurchaseUsageRequested(
        purchase=purchase.id, viewer=purchase.viewer, question=question.id
    )
    return Fact(event, purchase.version, Cause(purchase.correlation_id), now)


async def record_usage(tx: Transaction, received: Sequence[Envelope[UsageReported]]) -> None:
    """Record what the wallet says is used, so that the stores are told."""
    known = [Usage(it.data.question, it.data.coins, it.data.used_coins) for it in received]
    await questions.record_usage(tx, known, now=datetime.now(UTC))


async def claim_questions(tx: Transaction) -> list[DueQuestion]:
    """Take the questions that are due, with their purchases."""
    claimed = await questions.claim(tx, now=datetime.now(UTC), limit=CLAIMED_MAX)
    if not claimed:
        return []
    found = {each.id: each for each in await purchases.by_id(tx, [it.purchase for it in claimed])}
    return [DueQuestion(each, found[each.purchase]) for each in claimed]


async def answer_question(database: Database, providers: Providers, due: DueQuestion) -> None:
    """Answer a store, outside any transaction, for as long as it waits."""
    question, purchase = due.question, due.purchase
    store = providers[purchase.provider]
    assert isinstance(store, Stores), f"{purchase.provider} is no store"
    assert purchase.payment is not None
    assert question.coins is not None
    assert question.used_coins is not None
    rejected = None
    if datetime.now(UTC) > question.asked_at + ANSWERABLE_FOR:
        log.error("question.too_late", purchase=str(purchase.id))
        rejected = TOO_LATE
    else:
        consumption = Consumption(
            coins=question.coins,
            used_coins=question.used_coins,
            is_consented=purchase.consumption_consent,
            is_delivered=purchase.credited_at is not None,
        )
        try:
            await store.answer(purchase.payment, question.question, consumption)
        except ProviderUnavailable as error:
            log.warning("question.unanswered", purchase=str(purchase.id), error=str(error)[:200])
            return
        except ProviderRejected as error:
            log.warning("question.rejected", purchase=str(purchase.id), reason=error.reason)
            rejected = error.reason
    async with database.part_for(purchase.viewer).transaction() as tx:
        await questions.end(tx, question, now=datetime.now(UTC), rejected=rejected)
