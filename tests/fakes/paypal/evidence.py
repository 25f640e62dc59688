"""What merchants and PayPal's people do about the evidence of a dispute."""

from tests.fakes.paypal.objects import WAITING, moment
from tests.fakes.paypal.payouts import Payouts


class Evidence(Payouts):
    """The verbs are those of the merchant at PayPal's page, and of PayPal's own people."""

    verbs = Payouts.verbs | {"submit_evidence", "ask_again", "move_deadline"}

    def submit_evidence(self, dispute_id: str) -> None:
        """Hand evidence in, as the merchant can while PayPal asks for it."""
        dispute = self.disputes[dispute_id]
        assert dispute.status == WAITING, dispute.status
        dispute.evidences.append(
            {
                "evidence_type": "OTHER",
                "notes": "The coins were spent.",
                "source": "SUBMITTED_BY_SELLER",
                "date": moment(self.now()),
            }
        )
        dispute.status = "UNDER_REVIEW"
        self._tell_dispute("CUSTOMER.DISPUTE.UPDATED", dispute)

    def ask_again(self, dispute_id: str) -> None:
        """Ask the merchant for more, within another time."""
        dispute = self.disputes[dispute_id]
        assert dispute.status == "UNDER_REVIEW", dispute.status
        dispute.ask(self.now())
        self._tell_dispute("CUSTOMER.DISPUTE.UPDATED", dispute)

    def move_deadline(self, dispute_id: str, seconds: float) -> None:
        """Give the merchant until so many seconds from now."""
        dispute = self.disputes[dispute_id]
        assert dispute.outcome is None, dispute.outcome
        dispute.due = self.now() + seconds
        self._tell_dispute("CUSTOMER.DISPUTE.UPDATED", dispute)
