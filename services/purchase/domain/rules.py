"""All rules of sales together."""

from dataclasses import dataclass, field

from services.purchase.domain.invoices import PLAIN, InvoiceRules
from services.purchase.domain.methods import Methods
from services.purchase.domain.promotions import Promotions
from services.purchase.domain.purchase_rules import PurchaseRules
from services.purchase.domain.quotas import PurchaseQuotas
from services.purchase.domain.refunds import RefundPolicy
from shared.identity.ages import ADULTS, AgeRule
from shared.prices.price_book import PriceBook


@dataclass(frozen=True, slots=True)
class Rules:
    """
    What is sold, to whom, how it is paid and taxed, and what is refunded.

    And how often a viewer may ask.
    """

    prices: PriceBook
    methods: Methods
    refunds: RefundPolicy
    quotas: PurchaseQuotas
    ages: AgeRule = ADULTS
    invoices: InvoiceRules = PLAIN
    purchases: PurchaseRules = field(default_factory=PurchaseRules)
    promotions: Promotions = field(default_factory=Promotions)
