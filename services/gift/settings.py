"""Everything the gift service reads from its environment."""

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="GIFT_", frozen=True)

    catalogue_file: Path
