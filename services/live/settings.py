"""Everything the live service reads from its environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="LIVE_", frozen=True)

    # Rooms of one creator that are live at a time.
    open_rooms_max: int = Field(default=5, ge=1)
    # Rooms of one creator in all.
    rooms_max: int = Field(default=100, ge=1)
