"""What is known of a purchase's money before an answer of the provider is applied."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.purchase.domain.answers import AppliedAnswer, Received
from services.purchase.domain.country_evidence import Evidence
from services.purchase.domain.purchases import Allocation, Dispute
from services.purchase.domain.refunds import Refund


@dataclass(frozen=True, slots=True)
class KnownMoney:
    """
    The money that came for a purchase, and all that was recorded about it.

    `received` and `answers` are by payment, `disputes` by id; `warnings` are the ids of the early
    fraud warnings that were published; of the refunds the oldest comes first. `evidence` is what
    was said of the buyer's country.
    """

    received: Mapping[str, Received] = field(default_factory=dict)
    answers: Mapping[str, AppliedAnswer] = field(default_factory=dict)
    disputes: Mapping[str, Dispute] = field(default_factory=dict)
    warnings: frozenset[str] = frozenset()
    refunds: tuple[Refund, ...] = ()
    evidence: frozenset[Evidence] = frozenset()

    @property
    def allocations(self) -> dict[str, Allocation]:
        return {payment: each.allocation for payment, each in self.received.items()}

    def is_credited(self, payment: str) -> bool:
        """Whether a payment bought the coins."""
        return self.allocations.get(payment) is Allocation.APPLIED

    def applied_answer(self, payment: str) -> AppliedAnswer:
        """Return what was applied last about a payment; nothing yet, if it is new."""
        return self.answers.get(payment) or AppliedAnswer(payment)
