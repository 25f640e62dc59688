"""
What the conformance suite asks of a payment provider, one driver for each.

A driver starts a vendor that we own (a fake, judged by the vendor's contract) and our adapter for
it, and has verbs for what payers, banks and the vendor's dashboard do. A verb that a vendor does
not have stays as it is here: its cases are skipped, and the report says which ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, NoReturn

import pytest

from services.purchase.domain.methods import Method, Methods, only
from services.purchase.providers import Payments
from shared.prices.packages import Channel


class Action(StrEnum):
    """What we ask a vendor to do: faults are limited to one of these."""

    CREATE = "create"
    READ = "read"
    CANCEL = "cancel"
    REFUND = "refund"
    ACCEPT = "accept"


class Driver(ABC):
    """
    One vendor and our adapter for it. Purchases are named by their id, as we know them.

    Amounts are in our minor units, also where the vendor writes them in another way.
    """

    # What the installation calls the provider.
    name: ClassVar[str]
    # About ten dollars in currencies with unlike minor units; and amounts near it, of a currency,
    # that the vendor cannot write.
    prices: ClassVar[dict[str, int]] = {"USD": 999, "JPY": 1_600, "KWD": 3_055}
    unsayable: ClassVar[dict[str, int]] = {}
    # Whether money moves when the payer pays; otherwise only once we take it.
    moves_money_alone: ClassVar[bool] = True
    # The store of an app: the app buys there, at the store's price, and only the store refunds.
    is_store: ClassVar[bool] = False
    channel: ClassVar[Channel] = Channel.WEB
    # Whether payments can be listed whose webhooks were lost, and not only what went back.
    lists_payments: ClassVar[bool] = True
    provider: Payments

    @property
    def methods(self) -> Methods:
        """The way to pay that leads to the vendor; a store has a product for each package."""
        if not self.is_store:
            return only(self.name)
        products = {sku: f"com.example.{sku}" for sku in ("coins_100", "coins_500", "coins_many")}
        return Methods((Method("store", self.name, self.channel, products=products),))

    @property
    def can_overtake(self) -> bool:
        """Whether a payer may have paid already while we cancel."""
        return self.moves_money_alone and not self.is_store

    @abstractmethod
    async def start(self) -> None:
        """Start the vendor, and set `provider`."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop both, and fail if the vendor's contract was contradicted."""

    @abstractmethod
    def connect(self, webhooks: str) -> None:
        """Send webhooks to this address from now on."""

    @abstractmethod
    async def deliver(self) -> None:
        """Wait until all webhooks have arrived that are neither held nor lost."""

    @abstractmethod
    def payments_of(self, purchase: str) -> int:
        """Count what a viewer could have paid for a purchase: more than one is too many."""

    @abstractmethod
    def refunds_of(self, purchase: str) -> int:
        """Count the refunds of a purchase, the failed ones too."""

    @abstractmethod
    def books(self) -> dict[str, tuple[int, int]]:
        """Say by currency what the vendor holds for us, and which fees it kept."""

    # The payer.

    def order(self, purchase: str, product: str, amount_minor: int, currency: str) -> None:
        """Tell an app what to buy in its store; the storefront asks this amount there."""
        del purchase, product, amount_minor, currency

    def token_of(self, purchase: str) -> str | None:
        """Return what the store gave the app for its newest payment; only stores give one."""
        del purchase
        return None

    @abstractmethod
    def pay(self, purchase: str) -> None:
        """Pay at once."""

    def pay_from(self, country: str) -> None:
        """Let the cards, accounts and storefronts of payers be of this country from now on."""
        self.lacks("country of a payer's instrument", country)

    def pay_again(self, purchase: str) -> None:
        """Pay a second time what is paid."""
        self.lacks("way to pay a purchase twice", purchase)

    def pay_by_practice(self, purchase: str) -> None:
        """Pay with practice money what was asked for in real money, or the other way round."""
        self.lacks("practice money in the same account", purchase)

    def decline(self, purchase: str) -> None:
        """Try to pay, and be declined; another try is possible."""
        self.lacks("second try", purchase)

    def pay_later(self, purchase: str) -> None:
        """Pay by a method whose money comes days later."""
        self.lacks("payments whose money comes later", purchase)

    def clear(self, purchase: str) -> None:
        """Let the money of `pay_later` arrive."""
        self.lacks("payments whose money comes later", purchase)

    def bounce(self, purchase: str) -> None:
        """Let the money of `pay_later` not arrive."""
        self.lacks("payments whose money comes later", purchase)

    def run_out(self, purchase: str) -> None:
        """Let the vendor's own time for paying run out."""
        self.lacks("time after which it takes no payment", purchase)

    # The bank.

    def dispute(self, purchase: str, amount_minor: int | None = None) -> None:
        """Take money back, until the dispute is decided."""
        self.lacks("disputes", purchase, amount_minor)

    def close_dispute(self, purchase: str, *, won: bool) -> None:
        """Decide the newest dispute."""
        self.lacks("disputes", purchase, won)

    def due_at(self, purchase: str) -> datetime:
        """Say until when the vendor takes evidence of the newest dispute."""
        self.lacks("deadlines of disputes", purchase)

    def move_deadline(self, purchase: str, days: float) -> None:
        """Take evidence of the newest dispute until so many days from now."""
        self.lacks("deadlines of disputes", purchase, days)

    def submit_evidence(self, purchase: str) -> None:
        """Hand in evidence of the newest dispute, at the vendor's page."""
        self.lacks("deadlines of disputes", purchase)

    def inquire(self, purchase: str) -> None:
        """Ask a question, without any money moving."""
        self.lacks("inquiries", purchase)

    def escalate(self, purchase: str) -> None:
        """Make a dispute of the inquiry."""
        self.lacks("inquiries", purchase)

    def prevent(self, purchase: str) -> None:
        """Give the money back instead of a dispute."""
        self.lacks("disputes that are prevented", purchase)

    def charge_back(self, purchase: str) -> None:
        """Take the money back for good, without a dispute that we could win."""
        self.lacks("chargebacks without a dispute", purchase)

    def warn(self, purchase: str) -> None:
        """Warn that a payment may be fraud."""
        self.lacks("early fraud warnings", purchase)

    # The dashboard.

    def refund(self, purchase: str, amount_minor: int | None = None) -> None:
        """Refund without a word to us."""
        self.lacks("refunds that are not ours", purchase, amount_minor)

    def delay_refunds(self) -> None:
        """Accept the next refund, and make it later."""
        self.lacks("refunds that are made later")

    def finish_refund(self, purchase: str) -> None:
        """Make the newest refund that was accepted."""
        self.lacks("refunds that are made later", purchase)

    def fail_refund(self, purchase: str) -> None:
        """Let the newest refund fail, also if it had succeeded."""
        self.lacks("refunds that fail later", purchase)

    def reverse_refund(self, purchase: str) -> None:
        """Take the newest refund back, because the payer should not have had it."""
        self.lacks("refunds that are taken back", purchase)

    def is_accepted(self, purchase: str) -> bool:
        """Say whether we told the store that the coins are there."""
        self.lacks("wish to know that the coins are there", purchase)

    def ask(self, purchase: str) -> None:
        """Ask how much was used, before a refund is decided."""
        self.lacks("questions before a refund", purchase)

    def answers_to(self, purchase: str) -> list[int]:
        """Return the answers to that, each as a share of 100,000."""
        self.lacks("questions before a refund", purchase)

    def pay_out_in(self, currency: str) -> None:
        """Pay out in this currency, and exchange all others to it."""
        self.lacks("settlements in another currency", currency)

    # What goes wrong.

    @abstractmethod
    def lose_answer(self, action: Action, times: int = 1) -> None:
        """Do what is asked, and lose the answer."""

    @abstractmethod
    def fail(self, action: Action, status: int, times: int = 1) -> None:
        """Answer with an error, and do nothing."""

    def stall(self, action: Action, seconds: float, times: int = 1) -> None:
        """Do what is asked, and answer late."""
        self.lacks("slow answers", action, seconds, times)

    @abstractmethod
    def hold_webhooks(self, *, shuffled: bool = False) -> None:
        """Send no webhooks until `release_webhooks`, and then in another order."""

    @abstractmethod
    def release_webhooks(self) -> None:
        """Send what was held."""

    @abstractmethod
    def repeat_webhooks(self, times: int) -> None:
        """Send the next webhooks twice."""

    def lose_webhooks(self, times: int) -> None:
        """Never send the next webhooks."""
        self.lacks("list of webhooks that were not taken", times)

    @abstractmethod
    def contents(self) -> list[object]:
        """Return what all webhooks said that were sent, as JSON values."""

    @abstractmethod
    def signed(self, content: object) -> tuple[Mapping[str, str], bytes]:
        """Return headers and body of a webhook with another content, signed by the vendor."""

    @abstractmethod
    async def forge(self) -> int:
        """Send the last webhook with a wrong signature; return our answer's status."""

    @abstractmethod
    async def send_old(self) -> int:
        """Send the last webhook as it was signed too long ago; return our answer's status."""

    def forged_token(self, purchase: str) -> str:
        """Return a token like the store's, for a purchase that was not paid."""
        self.lacks("tokens", purchase)

    def lacks(self, what: str, *_: object) -> NoReturn:
        """Skip a case of what the vendor does not have."""
        pytest.skip(f"{self.name} has no {what}")


class FakeDriver(Driver):
    """One whose vendor is a fake of `tests/fakes`: all of them have the same faults as verbs."""

    # What the vendor's document calls each action.
    operations: ClassVar[Mapping[Action, str]]
    fake: Any

    async def stop(self) -> None:
        await self.provider.close()
        await self.fake.stop()

    async def deliver(self) -> None:
        await self.fake.webhooks.wait_until_delivered()

    def lose_answer(self, action: Action, times: int = 1) -> None:
        self.fake.lose_answer(times, operation=self._operation(action))

    def fail(self, action: Action, status: int, times: int = 1) -> None:
        self.fake.fail(status, times, operation=self._operation(action))

    def stall(self, action: Action, seconds: float, times: int = 1) -> None:
        self.fake.stall(seconds, times, operation=self._operation(action))

    def hold_webhooks(self, *, shuffled: bool = False) -> None:
        if shuffled:
            self.fake.reorder()
        else:
            self.fake.late()

    def release_webhooks(self) -> None:
        self.fake.release()

    def repeat_webhooks(self, times: int) -> None:
        self.fake.repeat(times)

    def lose_webhooks(self, times: int) -> None:
        self.fake.lose_webhooks(times)

    async def forge(self) -> int:
        status: int = await self.fake.forge()
        return status

    def _operation(self, action: Action) -> str:
        if action not in self.operations:
            self.lacks(f"call that {action}s a payment")
        return self.operations[action]
