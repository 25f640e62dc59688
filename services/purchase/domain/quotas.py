"""How much a viewer can ask for that is kept, here and at the payment provider, for ever."""

from dataclasses import dataclass

from shared.errors import Kind, Refusal
from shared.quotas.rules import DAY, HOUR, Quota


class TooManyOpenPurchases(Refusal):
    """You have so many purchases that are not paid; pay one, or wait until they end."""

    kind = Kind.CONFLICT


@dataclass(frozen=True, slots=True)
class PurchaseQuotas:
    """The numbers of `[purchases]` in `seeds/rules.toml`."""

    open_max: int
    per_day_max: int
    refund_requests_per_day_max: int
    promo_codes_per_day_max: int
    claims_per_hour_max: int

    def __post_init__(self) -> None:
        assert self.open_max > 0

    @property
    def purchases(self) -> Quota:
        return Quota("purchases", self.per_day_max, DAY)

    @property
    def claims(self) -> Quota:
        return Quota("claims", self.claims_per_hour_max, HOUR)

    @property
    def promo_codes(self) -> Quota:
        return Quota("promo-codes", self.promo_codes_per_day_max, DAY)

    @property
    def refund_requests(self) -> Quota:
        return Quota("refund-requests", self.refund_requests_per_day_max, DAY)
