"""The vendors of the suite, and where their drivers are."""

from collections.abc import Mapping
from importlib import import_module

from tests.purchase.providers.driver import Driver

_OURS = {
    "sandbox": "tests.purchase.providers.sandbox_driver:SandboxDriver",
    "stripe": "tests.purchase.providers.stripe_driver:StripeDriver",
    "paypal": "tests.purchase.providers.paypal_driver:PayPalDriver",
    "apple": "tests.purchase.providers.apple_driver:AppleDriver",
    "google": "tests.purchase.providers.google_driver:GoogleDriver",
    # A plug-in: it is no part of the service, and an installation names its class.
    "acme": "tests.purchase.acme_pay.acme_driver:AcmeDriver",
}
_ACCOUNT = "tests.purchase.providers.stripe_account_driver:StripeAccountDriver"


def drivers(environment: Mapping[str, str]) -> dict[str, str]:
    """
    Return which drivers are tested, by the name of their vendor.

    With PROVIDER_DRIVER=acme.driver:Driver it is somebody else's alone; with STRIPE_TEST_KEY an
    account at Stripe itself is one more.
    """
    if other := environment.get("PROVIDER_DRIVER"):
        return {other.partition(":")[0].partition(".")[0]: other}
    return _OURS | ({"account": _ACCOUNT} if environment.get("STRIPE_TEST_KEY") else {})


def open_driver(place: str) -> Driver:
    """Make a driver, which is at `module:Class`."""
    module, _, name = place.partition(":")
    made: Driver = getattr(import_module(module), name)()
    return made
