"""The five providers of a run: their fakes behind HTTP, and how an installation names them."""

import base64
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Self

from tests.chaos.purchases.plan import PACKAGES, PROVIDERS
from tests.fakes.base import Fake
from tests.purchase.pretend import WEBHOOK_SECRET
from tests.purchase.providers.apple_driver import AppleDriver
from tests.purchase.providers.driver import Driver
from tests.purchase.providers.google_driver import AUDIENCE, GoogleDriver
from tests.purchase.providers.paypal_driver import WEBHOOK_ID, PayPalDriver
from tests.purchase.providers.sandbox_driver import SandboxDriver
from tests.purchase.providers.stripe_driver import SECRET, StripeDriver

PRODUCTS = ", ".join(f'{sku} = "com.example.{sku}"' for sku in PACKAGES)
KINDS = "tests.chaos.purchases.stores"


class Vendors:
    """All of them, as drivers of the conformance suite; `async with` starts and ends them."""

    def __init__(self) -> None:
        self.sandbox, self.stripe, self.paypal = SandboxDriver(), StripeDriver(), PayPalDriver()
        self.apple, self.google = AppleDriver(), GoogleDriver()
        self._stack = AsyncExitStack()

    def __getitem__(self, name: str) -> Driver:
        found: Driver = getattr(self, name)
        return found

    @property
    def by_name(self) -> Mapping[str, Driver]:
        return {name: self[name] for name in PROVIDERS}

    @property
    def fakes(self) -> Mapping[str, Fake]:
        """The fakes that a vendor's contract judges."""
        judged = (self.stripe, self.paypal, self.apple, self.google)
        return {driver.name: driver.fake for driver in judged}

    def connect(self, gateway: str) -> None:
        for name in PROVIDERS:
            self[name].connect(f"{gateway}/v1/webhooks/{name}/payments")

    async def __aenter__(self) -> Self:
        for name in PROVIDERS:
            await self[name].start()
            self._stack.push_async_callback(self[name].stop)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def secrets(self) -> dict[str, str]:
        """Return the variables that hold the providers' secrets."""
        return {
            "PURCHASE_SANDBOX_API_KEY": "key",
            "PURCHASE_SANDBOX_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "PURCHASE_STRIPE_API_KEY": self.stripe.fake.api_key,
            "PURCHASE_STRIPE_WEBHOOK_SECRET": SECRET,
            "PURCHASE_PAYPAL_CLIENT_SECRET": self.paypal.fake.secret,
            "PURCHASE_PAYPAL_WEBHOOK_ID": WEBHOOK_ID,
            "PURCHASE_APPLE_SIGNING_KEY": self.apple.fake.signing_key.decode(),
            "PURCHASE_GOOGLE_SERVICE_ACCOUNT": json.dumps(self.google.fake.service_account()),
        }

    def listed(self) -> str:
        """Return the installation's file."""
        apple, google, paypal = self.apple.fake, self.google.fake, self.paypal.fake
        sections = {
            "sandbox": {"kind": "sandbox", "url": self.sandbox.url},
            "stripe": {"kind": "stripe", "url": self.stripe.fake.url},
            "paypal": {
                "kind": "paypal",
                "url": paypal.url,
                "client_id": paypal.client,
            },
            "apple": {
                "kind": f"{KINDS}:apple",
                "url": apple.url,
                "bundle": apple.bundle,
                "app": str(apple.app),
                "key": apple.key_id,
                "issuer": apple.issuer_id,
                "root": base64.b64encode(apple.root).decode(),
            },
            "google": {
                "kind": f"{KINDS}:google_play",
                "url": google.url,
                "package": google.package,
                "audience": AUDIENCE,
                "push_account": google.push_account,
            },
        }
        lines = []
        for name, options in sections.items():
            driver = self[name]
            lines += ["[[providers]]", f'name = "{name}"']
            lines += [f'{key} = "{value}"' for key, value in options.items()]
            lines += ["[[methods]]", f'name = "{name}"', f'provider = "{name}"']
            lines += [f'channel = "{driver.channel}"']
            if driver.is_store:
                lines.append(f"products = {{ {PRODUCTS} }}")
        return "\n".join(lines) + "\n"
