"""Purchase and wallet, twice each, with the five providers; all else of the system is away."""

import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.config.environment import ROOT
from tests.chaos.doubled import DoubledSystem, running_twice
from tests.chaos.purchases.vendors import Vendors

RUNNING = ("issuer", "purchase", "wallet")
DOUBLED = ("purchase", "wallet")
# A list of events is read this often; what is younger than two minutes is left out.
BACKFILL_EVERY_SECONDS = "10"
SEED_RULES = (ROOT / "seeds" / "rules.toml").read_text()
# A few viewers buy all day here, with many refunds and disputes: no purchase rule is in their way.
UNLIMITED = re.compile(
    r"^(purchases_per_minute_max|fraud_warning_days) .*\n"
    r"|^\[purchase_rules\.(money|card_testing|repeat_refunds)\](.*\n(?!\[))*.*\n",
    re.MULTILINE,
)


def unlimited_rules() -> str:
    """Return the rules of the seeds without those that keep a viewer from buying much."""
    rules = UNLIMITED.sub("", SEED_RULES)
    return re.sub(r"^per_day_max = \d+", "per_day_max = 1000", rules, flags=re.MULTILINE)


class PaymentSystem(DoubledSystem):
    """The part of the system in which money becomes coins."""

    def __init__(self, vendors: Vendors, providers_file: Path, rules_file: Path) -> None:
        purchase = {
            **vendors.secrets,
            "PURCHASE_PROVIDERS_FILE": str(providers_file),
            "PURCHASE_RULES_FILE": str(rules_file),
            "PURCHASE_TEST_PAYMENTS": "true",
            "PURCHASE_BACKFILL_EVERY_SECONDS": BACKFILL_EVERY_SECONDS,
        }
        super().__init__(programs=RUNNING, doubled=DOUBLED, additions={"purchase": purchase})


@asynccontextmanager
async def paying(vendors: Vendors) -> AsyncIterator[PaymentSystem]:
    """Start the system with the providers, and end it."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "providers.toml"
        listed.write_text(vendors.listed())
        rules = Path(folder) / "rules.toml"
        rules.write_text(unlimited_rules())
        system = PaymentSystem(vendors, listed, rules)
        async with running_twice(system):
            vendors.connect(system.gateway_url)
            yield system
