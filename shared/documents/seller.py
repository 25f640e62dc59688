"""Who issues documents: the operator, as `seeds/seller.toml` says it."""

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

# It stands in a header, too.
_PREFIX = re.compile(r"[A-Za-z0-9_./-]{0,32}")


@dataclass(frozen=True, slots=True)
class Seller:
    """
    Who sells, as it stands on receipts and statements.

    The day and the year of a receipt end at midnight in `zone`.
    """

    id: str
    prefix: str
    name: str
    address: tuple[str, ...]
    email: str
    tax_number: str = ""
    zone: str = "UTC"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert _PREFIX.fullmatch(self.prefix), (
            f"prefix {self.prefix!r} is part of a file's name: use ASCII letters, digits and -_./"
        )

    def year_at(self, moment: datetime) -> int:
        return moment.astimezone(ZoneInfo(self.zone)).year

    def day_of(self, moment: datetime) -> str:
        return moment.astimezone(ZoneInfo(self.zone)).date().isoformat()

    @property
    def lines(self) -> tuple[str, ...]:
        """The seller as the head of a document."""
        tax_number = f"Tax number: {self.tax_number}" if self.tax_number else ""
        lines = (self.name, *self.address, tax_number, self.email)
        return tuple(line for line in lines if line)
