"""What every service reads from its environment; each adds its own and its own prefix."""

import os
from typing import Annotated, Any

from pydantic import AfterValidator, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import SecretsSettingsSource

from shared.postgres.addresses import host_addresses
from shared.postgres.parts import require_part_count
from shared.runtime.token_settings import TokenSettings
from shared.secrets import SECRETS_FOLDER


class SecretFileSettings(BaseSettings):
    """
    Addresses come from the environment, secrets from files (or the environment in development).

    `WALLET_DATABASE_PASSWORD` may also be the file `wallet_database_password` in the folder
    `OVATION_SECRETS_DIR`, by default `/run/secrets`.
    """

    model_config = SettingsConfigDict(frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - we read no .env files
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - replaced below
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        folder = os.environ.get("OVATION_SECRETS_DIR", SECRETS_FOLDER)
        sources: tuple[Any, ...] = (init_settings, env_settings)
        if os.path.isdir(folder):  # noqa: PTH112 - a path from the environment, only looked at
            sources += (SecretsSettingsSource(settings_cls, secrets_dir=folder),)
        return sources


class ServiceSettings(SecretFileSettings, TokenSettings):
    """Where a service listens, and where it finds its database, the broker and the issuer."""

    host: str = "127.0.0.1"
    port: int
    # With one host or several: docs/operations/failover.md.
    database_url: str
    # Where a pooler is at `database_url`: the way past it, for relays, jobs and wake-ups.
    database_direct_url: str = ""
    # False behind a pooler that keeps no prepared statements: PgBouncer before 1.21.
    database_prepared_statements: bool = True
    database_password: SecretStr
    broker_url: str
    broker_password: SecretStr

    @field_validator("database_url", "database_direct_url")
    @classmethod
    def _name_hosts_once(cls, address: str) -> str:
        host_addresses(address)
        return address


class PartedSettings(ServiceSettings):
    """What a service reads whose users can be spread over several schemas of its database."""

    # Over how many schemas of its database the users are spread: chosen once, and kept for ever.
    parts: Annotated[int, AfterValidator(require_part_count)] = 1
