"""Everything the live service reads from its environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="LIVE_", frozen=True)

    # Of one creator: live at a time, and owned for ever.
    open_rooms_max: int = Field(default=5, ge=1)
    rooms_max: int = Field(default=100, ge=1)
