"""The providers of a run: their fakes behind HTTP, and how an installation names them."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from enum import Enum
from typing import Self

from tests.chaos.payouts.plan import PROVIDERS
from tests.fakes.paypal.vendor import PayPal
from tests.fakes.stripe.vendor import Stripe
from tests.payout.providers.driver import Driver
from tests.payout.providers.http_driver import HttpDriver
from tests.payout.providers.paypal_driver import WEBHOOK_ID, PayPalDriver
from tests.payout.providers.sandbox_driver import SandboxDriver
from tests.payout.providers.sandbox_vendor import KEY, SandboxVendor
from tests.payout.providers.sandbox_vendor import SECRET as SANDBOX_SECRET
from tests.payout.providers.stripe_driver import SECRET as STRIPE_SECRET
from tests.payout.providers.stripe_driver import StripeDriver


class Status(Enum):
    """Where a transfer stands at its provider, as far as a run acts on it."""

    OPEN = "open"
    PAID = "paid"
    OTHER = "other"


_STATUSES = {
    **dict.fromkeys(("submitted", "PENDING", "UNCLAIMED", "ONHOLD"), Status.OPEN),
    **dict.fromkeys(("paid", "SUCCESS"), Status.PAID),
}


class Vendors:
    """All of them, as drivers of the conformance suite; `async with` starts and ends them."""

    def __init__(self) -> None:
        self.sandbox, self.stripe, self.paypal = SandboxDriver(), StripeDriver(), PayPalDriver()
        self._stack = AsyncExitStack()

    def __getitem__(self, name: str) -> HttpDriver:
        found: HttpDriver = getattr(self, name)
        return found

    @property
    def by_name(self) -> Mapping[str, HttpDriver]:
        return {name: self[name] for name in PROVIDERS}

    @property
    def _fakes(self) -> tuple[SandboxVendor, Stripe, PayPal]:
        found = (self.sandbox.fake, self.stripe.fake, self.paypal.fake)
        assert isinstance(found[0], SandboxVendor)
        assert isinstance(found[1], Stripe)
        assert isinstance(found[2], PayPal)
        return (found[0], found[1], found[2])

    def status(self, vendor: Driver, attempt: str) -> Status:
        """Return where the transfer of an attempt stands; there may be none yet."""
        sandbox, stripe, paypal = self._fakes
        if vendor is self.stripe:
            found = stripe.all("transfer", transfer_group=attempt)
            # A transfer is paid at once.
            is_paid = any(not each["amount_reversed"] for each in found)
            return Status.PAID if is_paid else Status.OTHER
        if vendor is self.paypal:
            payouts = paypal.payouts.values()
            said = [each.status for each in payouts if each.sender_batch_id == attempt]
        else:
            transfers = sandbox.by_key.values()
            said = [each.status for each in transfers if each.reference == attempt]
        return _STATUSES.get(str(said[0]), Status.OTHER) if said else Status.OTHER

    def connect(self, gateway: str) -> None:
        for driver in self.by_name.values():
            driver.connect(gateway)

    async def __aenter__(self) -> Self:
        for driver in self.by_name.values():
            await driver.start()
            self._stack.push_async_callback(driver.stop)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def secrets(self) -> dict[str, str]:
        """Return the variables that hold the providers' secrets."""
        _, stripe, paypal = self._fakes
        return {
            "PAYOUT_SANDBOX_API_KEY": KEY,
            "PAYOUT_SANDBOX_WEBHOOK_SECRET": SANDBOX_SECRET,
            "PAYOUT_STRIPE_API_KEY": stripe.api_key,
            "PAYOUT_STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
            "PAYOUT_PAYPAL_CLIENT_SECRET": paypal.secret,
            "PAYOUT_PAYPAL_WEBHOOK_ID": WEBHOOK_ID,
        }

    def listed(self) -> str:
        """Return the installation's file."""
        sandbox, stripe, paypal = self._fakes
        sections: dict[str, dict[str, str | int]] = {
            "sandbox": {
                "kind": "sandbox",
                "url": sandbox.url,
                "remembers_keys_seconds": 86_400,
            },
            "stripe": {"kind": "stripe", "url": stripe.url},
            "paypal": {
                "kind": "paypal",
                "url": paypal.url,
                "client_id": paypal.client,
                "email_subject": "Your payout is here",
            },
        }
        lines = []
        for name, options in sections.items():
            lines += ["[[providers]]", f'name = "{name}"']
            lines += [
                f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"'
                for key, value in options.items()
            ]
        # Creators' money goes where their row says: nobody names a destination in this run.
        return "\n".join([*lines, "[[methods]]", 'provider = "sandbox"', ""])
