"""Campaigns as operators run them: each change is on record."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

from services.purchase.domain.promotions import (
    BudgetPromised,
    Campaign,
    CampaignDiffers,
    CodeTaken,
)
from services.purchase.store import campaigns
from shared.backoffice.adjustments import audit
from shared.postgres.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class CampaignOrder:
    """What an operator wants a campaign to be, and why."""

    campaign: Campaign
    operator: str
    reason: str


async def put_campaign(tx: Transaction, order: CampaignOrder) -> Campaign:
    """
    Start a campaign, or change the budget and the end of one; a repeat changes nothing.

    What purchases were promised stays: the budget is never below it.
    """
    wanted = order.campaign
    if await campaigns.add(tx, wanted):
        await _record(tx, order, "campaign.started")
        return wanted
    known = await campaigns.lock(tx, wanted.name)
    if known is None:
        raise CodeTaken
    if not known.is_same_offer(wanted):
        raise CampaignDiffers(campaign=known.name)
    if wanted.budget_coins < known.promised_coins:
        raise BudgetPromised(promised_coins=known.promised_coins)
    changed = replace(wanted, promised_coins=known.promised_coins)
    if changed != known:
        await campaigns.change(tx, changed)
        await _record(tx, order, "campaign.changed")
    return changed


async def list_campaigns(database: Database, limit: int) -> list[tuple[Campaign, int, int]]:
    """Return campaigns, with the coins that went out, and with how many purchases."""
    async with database.reference.transaction() as tx:
        found = await campaigns.newest(tx, limit)
    names = [each.name for each in found]
    coins, purchases = Counter[str](), Counter[str]()
    for paid in await database.read_each(partial(campaigns.paid, names=names)):
        for name, (paid_coins, paid_purchases) in paid.items():
            coins[name] += paid_coins
            purchases[name] += paid_purchases
    return [(each, coins[each.name], purchases[each.name]) for each in found]


async def _record(tx: Transaction, order: CampaignOrder, action: str) -> None:
    await audit(
        tx,
        operator=order.operator,
        action=action,
        user="",
        reason=order.reason,
        campaign=order.campaign.name,
        budget_coins=order.campaign.budget_coins,
        valid_until=order.campaign.valid_until,
    )
