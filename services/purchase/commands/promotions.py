"""Promising coins with a purchase that is recorded: of a first purchase, of a promo code."""

from dataclasses import replace
from datetime import datetime

from services.purchase.domain.promotions import (
    PromoCodeEnded,
    UnknownPromoCode,
    normal_code,
)
from services.purchase.domain.purchases import Purchase
from services.purchase.domain.rules import Rules
from services.purchase.store import campaigns
from shared.postgres.database import Transaction


async def promise_coins(
    tx: Transaction, purchase: Purchase, code: str | None, rules: Rules, *, bought_before: bool
) -> Purchase:
    """
    Return a purchase with all coins that it brings besides those that are paid.

    The viewer's quota is locked: of two purchases at once, the second sees what the first one has.
    """
    if not bought_before:
        first_coins = rules.promotions.first_coins(purchase.coins)
        purchase = replace(purchase, first_purchase_coins=first_coins)
    if code is None:
        return purchase
    found = await campaigns.of_code(tx, normal_code(code), viewer=purchase.viewer)
    if found is None:
        raise UnknownPromoCode
    campaign, is_used = found
    campaign.require_for(purchase, now=purchase.created_at, is_used=is_used)
    return replace(
        purchase,
        campaign=campaign.name,
        promo_coins=campaign.coins,
        promo_days=campaign.coins_days,
    )


async def take_budget(tx: Transaction, purchase: Purchase, *, now: datetime) -> None:
    """Take what a recorded purchase has of a campaign's budget, or refuse the purchase."""
    if purchase.campaign is None:
        return
    if not await campaigns.take(tx, purchase.campaign, purchase.promo_coins, now=now):
        raise PromoCodeEnded
