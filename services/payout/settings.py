"""Everything the payout service reads from its environment."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="PAYOUT_", frozen=True)

    rules_file: Path
    provider_url: str
    provider_api_key: SecretStr
    webhook_secret: SecretStr
