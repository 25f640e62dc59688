"""A bank that takes files and gives reports: its clerk, its receivers, and its own books."""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from tests.payout.bank.pretend import a_report, a_return, payments_of

CLOSED = "AC04"


class Status(StrEnum):
    """How far a payment is at the bank."""

    OPEN = "open"
    MADE = "made"
    REJECTED = "rejected"
    RETURNED = "returned"


@dataclass(slots=True)
class Payment:
    """A payment of a file, by the reference that the bank repeats."""

    file: str
    reference: str
    amount: Decimal
    status: Status = Status.OPEN


class Bank:
    """Makes payments as soon as it has their file, unless it takes its time or refuses them."""

    def __init__(self) -> None:
        self.payments: dict[str, Payment] = {}
        # How often each payment stood in a file.
        self.ordered: Counter[str] = Counter()
        # What the bank has to say, and nobody has fetched yet.
        self.reports: list[bytes] = []
        self.delayed = 0
        self.refused: set[str] = set()

    def take(self, xml: bytes) -> None:
        """Take a file, as an operator brings it; its schema judges it."""
        file, payments = payments_of(xml)
        for reference, _, _, amount in payments:
            self.ordered[reference] += 1
            payment = self.payments.setdefault(reference, Payment(file, reference, amount))
            if reference in self.refused:
                self.reject(payment)
            elif self.delayed:
                self.delayed -= 1
                self.reports.append(a_report(file, [(reference, "ACSP")]))
            else:
                self.make(payment)

    def make(self, payment: Payment) -> None:
        payment.status = Status.MADE
        self.reports.append(a_report(payment.file, [(payment.reference, "ACSC")]))

    def reject(self, payment: Payment) -> None:
        payment.status = Status.REJECTED
        self.reports.append(a_report(payment.file, [(payment.reference, "RJCT", CLOSED)]))

    def give_back(self, payment: Payment) -> None:
        """Get a payment back from the receiver's bank."""
        payment.status = Status.RETURNED
        self.reports.append(a_return(payment.reference))

    def paid_minor(self) -> int:
        """Add up what receivers have."""
        made = (each for each in self.payments.values() if each.status is Status.MADE)
        return sum(int(each.amount * 100) for each in made)
