"""What a payout costs its creator: nothing, or what the provider takes for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.money import Rounding, prorate

BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class PayoutFee:
    """A provider's price of a payout, in minor units of the books' currency."""

    percent_bp: int
    fixed_minor: int
    maximum_minor: int

    def __post_init__(self) -> None:
        assert 0 <= self.percent_bp < BASIS_POINTS
        assert 0 <= self.fixed_minor <= self.maximum_minor

    def of(self, value_minor: int) -> int:
        """The fee of a payout; rounded up, as no provider charges less than its price."""
        percent_minor = prorate(value_minor, self.percent_bp, BASIS_POINTS, Rounding.UP)
        return min(percent_minor + self.fixed_minor, self.maximum_minor)


FREE = PayoutFee(0, 0, 0)


@dataclass(frozen=True, slots=True)
class FeeRules:
    """Whether creators pay what their payouts cost, and what they cost by provider."""

    pass_through: bool
    providers: Mapping[str, PayoutFee]

    def of(self, provider: str) -> PayoutFee:
        return self.providers[provider] if self.pass_through else FREE

    def require_providers(self, names: Mapping[str, object]) -> None:
        """Stop a service that would not know what a payout costs."""
        missing = sorted(set(names) - set(self.providers)) if self.pass_through else []
        assert not missing, f"payout_fees: no line of {', '.join(missing)}"
