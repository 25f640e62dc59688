"""Campaigns as operators run them: each change is on record."""

from dataclasses import dataclass, replace

from services.purchase.domain.promotions import (
    BudgetPromised,
    Campaign,
    CampaignDiffers,
    CodeTaken,
)
from services.purchase.store import campaigns
from shared.backoffice.adjustments import audit
from shared.postgres.database import Transaction


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
