"""The vendors of the suite, and where their drivers are."""

from collections.abc import Mapping
from importlib import import_module

from tests.payout.providers.driver import Driver

_OURS = {
    "sandbox": "tests.payout.providers.sandbox_driver:SandboxDriver",
    "stripe": "tests.payout.providers.stripe_driver:StripeDriver",
    "paypal": "tests.payout.providers.paypal_driver:PayPalDriver",
    "bank": "tests.payout.providers.bank_driver:BankDriver",
}


def drivers(environment: Mapping[str, str]) -> dict[str, str]:
    """
    Return which drivers are tested, by the name of their vendor.

    With PAYOUT_PROVIDER_DRIVER=acme.driver:Driver it is somebody else's alone.
    """
    if other := environment.get("PAYOUT_PROVIDER_DRIVER"):
        return {other.partition(":")[0].partition(".")[0]: other}
    return _OURS


def open_driver(place: str) -> Driver:
    """Make a driver, which is at `module:Class`."""
    module, _, name = place.partition(":")
    made: Driver = getattr(import_module(module), name)()
    return made
