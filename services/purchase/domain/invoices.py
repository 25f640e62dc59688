"""What each sale is invoiced by: the rates of its tax, and who sells."""

from dataclasses import dataclass

from services.purchase.domain.taxes import UNTAXED, TaxPayer, TaxTable
from shared.documents.seller import Seller


@dataclass(frozen=True, slots=True)
class InvoiceRules:
    """How a sale is taxed, and who issues its receipt; without a seller none is issued."""

    taxes: TaxTable = UNTAXED
    seller: Seller | None = None

    def seller_in(self, channel: str) -> Seller | None:
        """Return who issues the receipts of a channel; None if an app's store does."""
        payer = self.taxes.payers.get(channel, TaxPayer.OPERATOR)
        return self.seller if payer is TaxPayer.OPERATOR else None


PLAIN = InvoiceRules()
