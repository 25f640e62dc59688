"""
Promising coins with a purchase that is recorded: of a first purchase, of a promo code.

A budget is of all viewers, so it is in the schema of reference, and no transaction has both it and
a purchase. The budget is taken first, as a promise with an id of its own. The purchase that is
recorded then names the promise. A promise that no purchase names, because it was refused, or that
lapsed with its purchase, is given back at once. A process that dies in between leaves that to
`check_promises`; until then the budget has less to give, and never more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from services.purchase.commands.purchase_ids import part_with, purchase_id
from services.purchase.domain.promotions import (
    Campaign,
    PromoCodeEnded,
    UnknownPromoCode,
    normal_code,
)
from services.purchase.domain.purchases import Purchase
from services.purchase.domain.rules import Rules
from services.purchase.store import campaign_promises, campaigns, purchases
from services.purchase.store.campaign_promises import CampaignPromise
from shared.postgres.database import Database, Transaction

# A request is over long before: its statements end after seconds.
CHECK_AFTER = timedelta(hours=1)
CHECKED_MAX = 100


@dataclass(frozen=True, slots=True)
class Promise:
    """What a promo code has for a purchase; no campaign: it is unknown, no id: nothing is left."""

    campaign: Campaign | None
    id: UUID | None = None


async def reserve_coins(database: Database, viewer: str, key: str, code: str) -> Promise:
    """Take the coins of a code from its budget, for the purchase with this key."""
    now = datetime.now(UTC)
    async with database.reference.transaction() as tx:
        campaign = await campaigns.of_code(tx, normal_code(code))
        if campaign is None or now < campaign.valid_from:
            return Promise(campaign)
        if not await campaigns.take(tx, campaign.name, campaign.coins, now=now):
            return Promise(campaign)
        promise = CampaignPromise(
            id=uuid4(),
            campaign=campaign.name,
            viewer=viewer,
            purchase=purchase_id(viewer, key),
            coins=campaign.coins,
        )
        await campaign_promises.add(tx, promise, now=now, next_check_at=now + CHECK_AFTER)
    return Promise(campaign, promise.id)


async def promise_coins(
    tx: Transaction,
    purchase: Purchase,
    promise: Promise | None,
    rules: Rules,
    *,
    bought_before: bool,
) -> Purchase:
    """
    Return a purchase with all coins that it brings besides those that are paid.

    The viewer's quota is locked: of two purchases at once, the second sees what the first one has.
    """
    if not bought_before:
        first_coins = rules.promotions.first_coins(purchase.coins)
        purchase = replace(purchase, first_purchase_coins=first_coins)
    if promise is None:
        return purchase
    campaign = promise.campaign
    if campaign is None:
        raise UnknownPromoCode
    is_used = await purchases.has_promotion(tx, purchase.viewer, campaign.name)
    campaign.require_for(purchase, now=purchase.created_at, is_used=is_used)
    if promise.id is None:
        # Refused by `require_budget`, unless something else refuses it before.
        return purchase
    return replace(
        purchase,
        campaign=campaign.name,
        promise=promise.id,
        promo_coins=campaign.coins,
        promo_days=campaign.coins_days,
    )


def require_budget(promise: Promise | None) -> None:
    """Refuse a purchase whose campaign had nothing left for it."""
    if promise is not None and promise.id is None:
        raise PromoCodeEnded


async def give_back(database: Database, promises: Sequence[UUID]) -> None:
    """Let budgets have again what they had promised; a repeat changes nothing."""
    if promises:
        async with database.reference.transaction() as tx:
            await campaign_promises.give_back(tx, promises)


async def check_promises(database: Database) -> bool:
    """Look what became of promises of an hour ago; return whether there may be more."""
    now = datetime.now(UTC)
    async with database.reference.transaction() as tx:
        due = await campaign_promises.claim(
            tx, now=now, next_check_at=now + CHECK_AFTER, limit=CHECKED_MAX
        )
    kept, lapsed = [], []
    for promise in due:
        async with part_with(database, promise.purchase).transaction() as tx:
            purchase = await purchases.read(tx, promise.viewer, promise.purchase)
        if purchase is None or purchase.promise != promise.id or not purchase.promo_coins:
            lapsed.append(promise.id)
        elif purchase.paid_at is not None:
            kept.append(promise.id)
    async with database.reference.transaction() as tx:
        await campaign_promises.keep(tx, kept)
        await campaign_promises.give_back(tx, lapsed)
    return len(due) == CHECKED_MAX
