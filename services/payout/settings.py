"""Everything the payout service reads from its environment."""

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import PartedSettings


class Settings(PartedSettings):
    model_config = SettingsConfigDict(env_prefix="PAYOUT_", env_ignore_empty=True, frozen=True)

    rules_file: Path
    fraud_file: Path
    rates_file: Path
    providers_file: Path
    # Practice: providers' test accounts are used, and no real ones.
    test_payouts: bool = False
    # Who issues statements, and in which letters.
    seller_file: Path
    # Only where no real money is at stake: how long diamonds wait, in place of the rules.
    hold_seconds: int | None = None
    # Lists of sanctions, as their publishers offer them (*.csv); without it no name is screened.
    sanctions_folder: Path | None = None
    # Where a provider's page sends creators back to.
    return_url: str
