"""
What is in a bank file: each part of the users decides once what of it is paid by the file.

A file begins with a cutoff. Then each part writes its batch, or finds the one that it wrote before.
So a file follows from its batches, whichever process makes it and however often it begins again.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from services.payout.domain.bank_files import BankPayment


class ForeignBatch(Exception):
    """What was decrypted is the batch of another file than its row says."""


@dataclass(frozen=True, slots=True)
class Cutoff:
    """
    A file that is begun and not there yet: it pays what was ordered before a time.

    `payments_max` is the limit when it began, so that every process that makes it stops at the same
    payment. `reason` is None if no operator asked for it.
    """

    file: UUID
    ordered_before: datetime
    payments_max: int
    made_by: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class BankBatch:
    """The payments of one part in a file, encrypted: they have names and accounts of people."""

    file: UUID
    payments: int
    key_id: str
    encrypted: bytes

    def holds(self, packed: bytes) -> list[BankPayment]:
        """Read what `pack_payments` wrote; raise `ForeignBatch` if it was of another file."""
        written = json.loads(packed)
        if written["file"] != self.file.hex:
            raise ForeignBatch(self.file)
        return [
            BankPayment(**{**each, "attempt": UUID(each["attempt"])}) for each in written["paid"]
        ]


def pack_payments(file: UUID, payments: Sequence[BankPayment]) -> bytes:
    """Write payments as they are encrypted: with their file, so that none is taken for another."""
    paid = [{**asdict(payment), "attempt": payment.attempt.hex} for payment in payments]
    return json.dumps({"file": file.hex, "paid": paid}).encode()
