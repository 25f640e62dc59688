"""Everything the purchase service reads from its environment."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="PURCHASE_", frozen=True)

    packages_file: Path
    rules_file: Path
    # The payment providers by name; the first takes new purchases, the others finish theirs.
    providers: tuple[str, ...] = Field(default=("sandbox",), min_length=1)
    provider_url: str
    provider_api_key: SecretStr
    webhook_secret: SecretStr
    # For how long a provider remembers our key; later, a repeated request is a new refund.
    provider_key_hours: int = Field(default=24, ge=1)
    # Where the provider sends people back to, paid or declined; `purchase=<id>` is added to it.
    return_url: str | None = None
