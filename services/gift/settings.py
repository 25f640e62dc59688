"""Everything the gift service reads from its environment."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="GIFT_", env_ignore_empty=True, frozen=True)

    # What an installation begins with; later the catalogue is the database's.
    catalogue_file: Path
    rules_file: Path
    # What Tencent's console signs callbacks with; without it there is no such route.
    tencent_token: SecretStr | None = None
    tencent_sdk_app_id: str | None = None
    # Where a host publishes the keys it signs target tokens with, if not with its issuer's.
    target_jwks_url: str | None = None
    # True: anybody may receive gifts, in any room and outside of rooms, also who does not exist.
    anybody_may_receive: bool = False
