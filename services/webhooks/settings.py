"""Everything the webhooks service reads from its environment."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="WEBHOOKS_", frozen=True)

    # What encrypts the secrets of endpoints.
    secrets_key: SecretStr
    # Ports that an endpoint may have, with spaces between them.
    ports: str = "443"
    # Networks that are allowed beside the public internet, as `10.8.0.0/16`, with spaces between.
    networks_allowed: str = ""
    # Practice: endpoints may be on this machine, over plain HTTP and at any port.
    loopback_allowed: bool = False
    # How long events and the log of deliveries are kept. Not shorter than an event can come again:
    # it would be delivered again.
    keep_days: int = Field(default=35, ge=35, le=400)
    # For how long it is tried to deliver an event.
    retry_days: int = Field(default=3, ge=1, le=14)
    # How many attempts are made at once at one endpoint.
    endpoint_attempts_max: int = Field(default=8, ge=1, le=100)
    # How many attempts one process makes at once.
    attempts_max: int = Field(default=64, ge=1, le=1_000)
    # In which time an endpoint has to answer.
    answer_seconds: float = Field(default=15.0, ge=1.0, le=30.0)
