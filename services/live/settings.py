"""Everything the live service reads from its environment."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="LIVE_", frozen=True)

    # Rooms of one creator that are live at a time.
    open_rooms_max: int = Field(default=5, ge=1)
    # Rooms of one creator in all.
    rooms_max: int = Field(default=100, ge=1)
    # The host application's address that says how people are called and what they look like; empty:
    # their tokens say it.
    people_url: str = ""
    # What it is asked with.
    people_key: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _has_a_host_and_a_key(self) -> Self:
        if not self.people_url:
            return self
        parts = urlsplit(self.people_url)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username:
            raise ValueError(f"people_url: {self.people_url!r} is not an address of http or https")
        if not self.people_key.get_secret_value().strip():
            raise ValueError("people_url without people_key: `make secrets` makes one")
        return self
