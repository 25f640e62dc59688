"""All rules of sales together."""

from dataclasses import dataclass

from services.purchase.domain.prices import PriceList
from services.purchase.domain.quotas import PurchaseQuotas
from services.purchase.domain.refunds import RefundPolicy
from shared.identity.ages import ADULTS, AgeRule


@dataclass(frozen=True, slots=True)
class Rules:
    """What is sold and to whom, what is refunded, and how often a viewer may request either."""

    prices: PriceList
    refunds: RefundPolicy
    quotas: PurchaseQuotas
    ages: AgeRule = ADULTS
