"""
What the conformance suite asks of a provider of payouts, one driver for each.

A driver starts a vendor that we own and our adapter for it, and has verbs for what receivers, banks
and the vendor's own people do, and for what goes wrong between us and the vendor. A verb that a
vendor does not have stays as it is here: its cases are skipped, and the report says which ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Any, ClassVar, NoReturn

import pytest

from services.payout.providers import Provider


class Action(StrEnum):
    """What we ask a vendor to do: faults are limited to one of these."""

    SUBMIT = "submit"
    FIND = "find"


class Driver(ABC):
    """
    One vendor and our adapter for it. Transfers are named by their attempt's id, as we know them.

    Amounts are in our minor units, also where the vendor writes them in another way.
    """

    # What the installation calls the provider.
    name: ClassVar[str]
    # In which currency creators earn, and are paid.
    currency: ClassVar[str] = "USD"
    # Amounts in currencies with unlike minor units; and some that the vendor cannot write.
    amounts: ClassVar[dict[str, int]] = {"USD": 1_500, "JPY": 1_600, "KWD": 3_055}
    unsayable: ClassVar[dict[str, int]] = {}
    provider: Provider

    @abstractmethod
    async def start(self) -> None:
        """Start the vendor, and set `provider`."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop both, and fail if the vendor's contract was contradicted."""

    @abstractmethod
    def connect(self, gateway: str) -> None:
        """Reach us at this address from now on."""

    @abstractmethod
    async def deliver(self) -> None:
        """Wait until all is known here that the vendor says, and that is neither held nor lost."""

    @abstractmethod
    def destination(self) -> str:
        """Return a place that takes money."""

    @abstractmethod
    def refusing_destination(self) -> str:
        """Return a place that the vendor refuses to send money to."""

    @abstractmethod
    def transfers_of(self, attempt: str) -> int:
        """Count the transfers of an attempt: more than one is money sent twice."""

    @abstractmethod
    def books(self) -> dict[str, int]:
        """Say by currency what creators have, of the vendor's own lines."""

    def impatient(self) -> AbstractAsyncContextManager[None]:
        """Let our adapter wait for no late answer meanwhile."""
        self.lacks("calls whose answer can be late")

    async def leave(self, creator: Any, destination: str) -> str:
        """Let a creator's client leave a place with us, if it has to; return what payees name."""
        del creator
        return destination

    # Receivers, banks, and the vendor's people.

    def delay(self) -> None:
        """Leave the next transfer on its way."""
        self.lacks("transfers that take time")

    def pay(self, attempt: str) -> None:
        """Let a transfer arrive that is on its way."""
        self.lacks("transfers that take time", attempt)

    def fail_transfer(self, attempt: str) -> None:
        """Let a transfer fail, also if it was paid."""
        self.lacks("transfers that fail later", attempt)

    def give_back(self, attempt: str) -> None:
        """Send all of a paid transfer back."""
        self.lacks("transfers that come back", attempt)

    def give_back_part(self, attempt: str, amount_minor: int) -> None:
        """Send some more of a paid transfer back."""
        self.lacks("transfers that come back in parts", attempt, amount_minor)

    def need_claim(self) -> None:
        """Let the next receiver have to claim the money first."""
        self.lacks("receivers who have to claim money")

    def claim(self, attempt: str) -> None:
        """Let the receiver claim the money."""
        self.lacks("receivers who have to claim money", attempt)

    def let_claim_end(self, attempt: str) -> None:
        """Let the time end in which money can be claimed."""
        self.lacks("receivers who have to claim money", attempt)

    def hold(self) -> None:
        """Look at the next transfer before it arrives."""
        self.lacks("transfers that it holds")

    def block(self, attempt: str) -> None:
        """Decide that a transfer does not arrive."""
        self.lacks("transfers that it holds", attempt)

    def be_short(self) -> None:
        """Have too little of our money for the next transfer, and say so."""
        self.lacks("answer for an account that is short of money")

    def of_other_environment(self) -> tuple[Mapping[str, str], bytes]:
        """Return a signed webhook of practice money where real money moves, or the other way."""
        self.lacks("mark of its environment in a webhook")

    # What goes wrong between us and the vendor.

    def lose_answer(self, action: Action, times: int = 1) -> None:
        """Do what is asked, and lose the answer."""
        self.lacks("calls whose answer can be lost", action, times)

    def stall(self, action: Action, seconds: float, times: int = 1) -> None:
        """Do what is asked, and answer late."""
        self.lacks("calls whose answer can be late", action, seconds, times)

    def fail(self, action: Action, status: int, times: int = 1, *, is_done: bool = False) -> None:
        """Answer with an error; what was asked is done or not."""
        self.lacks("calls that can fail", action, status, times, is_done)

    def hold_webhooks(self, *, shuffled: bool = False) -> None:
        """Send no webhooks until `release_webhooks`, and then in another order."""
        self.lacks("other word than its webhooks", shuffled)

    def release_webhooks(self) -> None:  # noqa: B027 - without webhooks none is held
        """Send what was held."""

    def repeat_webhooks(self, times: int) -> None:
        """Send the next webhooks twice."""
        self.lacks("webhooks", times)

    def lose_webhooks(self, times: int) -> None:
        """Never send the next webhooks."""
        self.lacks("other word than its webhooks", times)

    async def forge(self) -> int:
        """Send the last webhook with a wrong signature; return our answer's status."""
        self.lacks("signature on its webhooks")

    async def send_old(self) -> int:
        """Send the last webhook as it was signed too long ago; return our answer's status."""
        self.lacks("signature on its webhooks")

    def lacks(self, what: str, *_: object) -> NoReturn:
        """Skip a case of what the vendor does not have."""
        pytest.skip(f"{self.name} has no {what}")
