"""Whose tokens an installation believes, as its operator's environment says it."""

from pydantic_settings import SettingsConfigDict

from shared.runtime.token_settings import TokenSettings


class InstallationTokens(TokenSettings):
    """The settings of an installation, by the names that Docker Compose and the chart read."""

    model_config = SettingsConfigDict(env_prefix="OVATION_", env_ignore_empty=True, frozen=True)

    jwt_audience: str = "ovation"
