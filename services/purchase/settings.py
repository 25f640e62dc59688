"""Everything the purchase service reads from its environment."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import PartedSettings


class Settings(PartedSettings):
    model_config = SettingsConfigDict(env_prefix="PURCHASE_", frozen=True)

    packages_file: Path
    rules_file: Path
    providers_file: Path
    taxes_file: Path
    seller_file: Path
    # Practice: providers' test accounts are taken, and no real ones.
    test_payments: bool = False
    # Where the provider sends people back to, paid or declined; `purchase=<id>` is added to it.
    return_url: str | None = None
    # How often the events that providers list are compared with those that came.
    backfill_every_seconds: int = Field(default=600, ge=10, le=86_400)
    # How much of what was compared before is compared again.
    backfill_overlap_seconds: int = Field(default=3_600, ge=0, le=86_400)
    # What encrypts webhooks as they came.
    webhook_archive_key: SecretStr
    # How long webhooks are kept as they came; with 0 days none is.
    webhook_archive_days: int = Field(default=400, ge=0, le=3_650)
    # For how long a payment that bought coins is read again.
    watch_days: int = Field(default=120, ge=1, le=3_650)
    # How often such a payment is read again.
    watch_every_days: int = Field(default=7, ge=1, le=365)
    # How many payments of one provider are read again in a minute at most.
    watch_reads_per_minute: int = Field(default=300, ge=10, le=60_000)
