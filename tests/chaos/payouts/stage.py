"""Payout, twice, with its providers; all else of the system is away."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.chaos.doubled import DoubledSystem, running_twice
from tests.chaos.payouts.vendors import Vendors

RUNNING, DOUBLED = ("issuer", "payout"), ("payout",)


class PayoutSystem(DoubledSystem):
    """The part of the system in which diamonds become money."""

    def __init__(self, vendors: Vendors, providers_file: Path) -> None:
        payout = {
            **vendors.secrets,
            "PAYOUT_PROVIDERS_FILE": str(providers_file),
            "PAYOUT_TEST_PAYOUTS": "true",
        }
        super().__init__(programs=RUNNING, doubled=DOUBLED, additions={"payout": payout})


@asynccontextmanager
async def paying_out(vendors: Vendors) -> AsyncIterator[PayoutSystem]:
    """Start the system with the providers, and end it."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "payout_providers.toml"
        listed.write_text(vendors.listed())
        system = PayoutSystem(vendors, listed)
        async with running_twice(system):
            vendors.connect(system.gateway_url)
            yield system
