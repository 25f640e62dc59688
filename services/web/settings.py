"""Everything the web service reads from its environment."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="WEB_", frozen=True)

    host: str = "127.0.0.1"
    port: int
