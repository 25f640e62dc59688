"""An app's store in memory: what it sold, by token, and what it was told."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.purchase.domain.methods import Method, Methods
from services.purchase.domain.purchases import Payment, Status, TokenRefused
from services.purchase.providers import ProviderRejected, ProviderUnavailable
from shared.prices.packages import Channel

PRODUCT = "com.example.coins100"
METHODS = Methods(
    (Method("store", "store", Channel.IOS, products={"coins_100": PRODUCT, "coins_500": "c500"}),)
)


class PretendStore:
    """Sells products at its own price; `silent` and `rejecting` are how it answers meanwhile."""

    name = "store"
    remembers_keys_for = timedelta(hours=24)
    webhook_headers = ()

    def __init__(self) -> None:
        self.sold: dict[str, Payment] = {}
        self.accepted: list[str] = []
        self.answers: list[tuple[str, str, object]] = []
        self.is_silent = False
        self.rejects: str | None = None
        # Claims wait here for each other, so that they come at the same moment.
        self.gate: asyncio.Barrier | None = None

    def sell(self, purchase, *, token="token-1", **about):
        payment = Payment(
            id=f"store-{token}",
            reference=str(purchase),
            status=Status.SUCCEEDED,
            amount_minor=119,
            currency="EUR",
            paid_at=datetime.now(UTC),
            product=PRODUCT,
            names=(token,),
        )
        self.sold[token] = replace(payment, **about)
        return token

    def become(self, token, **about):
        self.sold[token] = replace(self.sold[token], **about)

    async def claim(self, purchase, token):
        if self.gate is not None:
            await self.gate.wait()
            self.gate = None
        self._answer()
        if token not in self.sold:
            raise TokenRefused(purchase=purchase.id)
        return self._stamped(self.sold[token])

    async def read(self, payment):
        self._answer()
        for token, each in self.sold.items():
            if payment in (token, each.id):
                return self._stamped(each)
        return None

    async def accept(self, payment):
        self._answer()
        self.accepted.append(payment)

    async def answer(self, payment, question, consumption):
        self._answer()
        self.answers.append((payment, question, consumption))

    async def refund(self, payment, refund, *, amount_minor):  # noqa: ARG002
        raise ProviderRejected("the-store-refunds")

    async def parse_webhook(self, headers, body):  # noqa: ARG002
        return ()

    async def read_webhook(self, headers, body):  # noqa: ARG002
        return ()

    async def close(self):
        return None

    def _answer(self):
        if self.is_silent:
            raise ProviderUnavailable("nothing")
        if self.rejects is not None:
            raise ProviderRejected(self.rejects)

    @staticmethod
    def _stamped(payment):
        now = datetime.now(UTC)
        return replace(payment, asked_at=now, answered_at=now)
