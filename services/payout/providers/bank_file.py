"""The bank file provider: payments wait for a file, which an operator takes to the bank."""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from pydantic import TypeAdapter

from services.payout.domain.bank_accounts import PRACTICE_DEBTOR, Debtor
from services.payout.domain.bank_files import BankOrder, BankRules
from services.payout.domain.payees import DestinationKind
from services.payout.domain.payouts import BadSignature
from services.payout.domain.transfers import WebhookEvent
from services.payout.providers.answers import FoundTransfer, Transfer
from shared.http.provider_client import ProviderRejected
from shared.keyring import Keyring
from shared.vendors.installations import Installation

# Our own table knows an order for ever.
KNOWN_SECONDS = 100 * 365 * 86_400.0


class Orders(Protocol):
    """The waiting list of payments, and what the bank's reports say of them."""

    async def add(
        self, attempt: UUID, *, amount_minor: int, currency: str, account: str
    ) -> BankOrder | None:
        """Order a payment once; None if its creator has no such account."""

    async def find(self, attempt: UUID) -> BankOrder | None:
        """Return an order, with all that was ever said of it."""


class BankFileProvider:
    """
    A bank that takes files (pain.001) and answers with files (pain.002, camt.053, camt.054).

    Nothing is asked over a network: an order is in the waiting list or it is not. `rules` say who
    pays and when, `keys` encrypt accounts, files and reports.
    """

    destination_kind = DestinationKind.TOKEN
    idempotency_seconds = KNOWN_SECONDS

    def __init__(self, *, name: str, rules: BankRules, keys: Keyring) -> None:
        self.name = name
        self.rules = rules
        self.keys = keys
        self._orders: Orders | None = None

    def connect(self, orders: Orders) -> None:
        """Use this waiting list; a service does so before it pays anybody."""
        self._orders = orders

    async def submit(
        self, attempt: UUID, *, amount_minor: int, currency: str, destination: str
    ) -> Transfer:
        assert self._orders is not None
        if currency != self.rules.debtor.currency:
            raise ProviderRejected("currency-unsupported")
        order = await self._orders.add(
            attempt, amount_minor=amount_minor, currency=currency, account=destination
        )
        if order is None:
            raise ProviderRejected("account-unknown")
        return _transfer(order)

    async def find(
        self,
        attempt: UUID,
        *,
        transfer: str | None,  # noqa: ARG002 - an order has the id of its attempt
    ) -> FoundTransfer | None:
        assert self._orders is not None
        order = await self._orders.find(attempt)
        return None if order is None else FoundTransfer(_transfer(order))

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:  # noqa: ARG002
        # A bank posts nothing: its reports are brought by an operator.
        raise BadSignature

    async def close(self) -> None:
        """Nothing is open."""


def build(installation: Installation) -> BankFileProvider:
    """
    Read who pays by bank file, and when; a mistake stops the service before it pays anybody.

    Practice money never moves: whichever account its section names, an installation of practice
    pays from one that no bank has.
    """
    options = dict(installation.options)
    debtor = Debtor.read(options.pop("debtor", None))
    assert not (installation.is_live and debtor.is_practice), (
        f"{installation.name} moves real money, and {debtor.bic} is no bank but one of tests"
    )
    payer = debtor if installation.is_live else PRACTICE_DEBTOR
    rules = TypeAdapter(BankRules).validate_python({"debtor": payer, **options})
    return BankFileProvider(
        name=installation.name, rules=rules, keys=Keyring(installation.secret("key"))
    )


def _transfer(order: BankOrder) -> Transfer:
    return Transfer(
        id=order.attempt.hex,
        status=order.status,
        reason=order.reason,
        reference=str(order.attempt),
        amount_minor=order.amount_minor,
        currency=order.currency,
    )
