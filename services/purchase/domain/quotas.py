"""How much a viewer can ask for that is kept, here and at the payment provider, for ever."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.errors import Kind, Refusal
from shared.quotas.rules import DAY, Quota


class TooManyOpenPurchases(Refusal):
    """You have so many purchases that are not paid; pay one, or wait until they end."""

    kind = Kind.CONFLICT


@dataclass(frozen=True, slots=True)
class PurchaseQuotas:
    """The numbers of `[purchases]` in `seeds/rules.toml`."""

    open_max: int = 10
    purchases: Quota = field(default_factory=lambda: Quota("purchases", 200, DAY))
    refund_requests: Quota = field(default_factory=lambda: Quota("refund-requests", 20, DAY))

    def __post_init__(self) -> None:
        assert self.open_max > 0


def read_quotas(rules: Mapping[str, int]) -> PurchaseQuotas:
    """Read the numbers; what is not there is as it comes."""
    usual = PurchaseQuotas()
    return PurchaseQuotas(
        rules.get("open_max", usual.open_max),
        Quota("purchases", rules.get("per_day_max", usual.purchases.count_max), DAY),
        Quota(
            "refund-requests",
            rules.get("refund_requests_per_day_max", usual.refund_requests.count_max),
            DAY,
        ),
    )
