"""Everything the payout service reads from its environment."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="PAYOUT_", env_ignore_empty=True, frozen=True)

    rules_file: Path
    # Only where no real money is at stake: how long diamonds wait, in place of the rules.
    hold_seconds: int | None = None
    provider_url: str
    # For how long the provider knows an idempotency key: after that a person decides.
    provider_idempotency_seconds: int = 86_400
    provider_api_key: SecretStr
    webhook_secret: SecretStr
