"""Everything the sandbox reads from its environment."""

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import SecretFileSettings


class Settings(SecretFileSettings):
    model_config = SettingsConfigDict(env_prefix="SANDBOX_", frozen=True)

    host: str = "127.0.0.1"
    port: int
    # A key that takes money cannot pay it out, and the webhooks of each have their own secret.
    payments_key: SecretStr
    transfers_key: SecretStr
    payments_webhook_secret: SecretStr
    transfers_webhook_secret: SecretStr
    # Where browsers reach the pay page.
    public_url: str
    payments_webhook_url: str
    transfers_webhook_url: str
