"""Everything the gift service reads from its environment."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import PartedSettings


class Settings(PartedSettings):
    model_config = SettingsConfigDict(env_prefix="GIFT_", env_ignore_empty=True, frozen=True)

    # What an installation begins with; later the catalogue is the database's.
    catalogue_file: Path
    rules_file: Path
    # What coins cost, for the price in money beside each gift: the file that purchase sells from.
    packages_file: Path
    # What Tencent's console signs callbacks with; without it there is no such route.
    tencent_token: SecretStr | None = None
    # The SDKAppID whose callbacks they are: the signature does not say it.
    tencent_sdk_app_id: str | None = None
    # How long after its second a signature of Tencent brings another body.
    tencent_new_body_seconds: int = Field(default=5, ge=1, le=60)
    # How many bodies one signature of Tencent brings in all.
    tencent_bodies_max: int = Field(default=100, ge=1, le=10_000)
    # Where a host publishes the keys it signs target tokens with, if not with its issuer's.
    target_jwks_url: str | None = None
    # True: anybody may receive gifts, in any room and outside of rooms, also who does not exist.
    anybody_may_receive: bool = False

    # How many megabytes (MiB) the uploaded pictures and films of all gifts may have together.
    files_megabytes_max: int = Field(default=256, ge=0, le=65_536)

    @model_validator(mode="after")
    def _tencent_is_known_by_token_and_application(self) -> Self:
        if self.tencent_token is None:
            return self
        if not self.tencent_token.get_secret_value().strip():
            raise ValueError("tencent_token is empty: anybody could sign callbacks with it.")
        if not self.tencent_sdk_app_id:
            raise ValueError(
                "tencent_token is set and tencent_sdk_app_id is not: callbacks for any application"
                " would be taken. Set GIFT_TENCENT_SDK_APP_ID to the SDKAppID of yours."
            )
        return self
