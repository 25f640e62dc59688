"""What every service reads from its environment; each adds its own and its own prefix."""

import os
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import SecretsSettingsSource

from shared.identity.claims import ClaimNames, claim_names
from shared.postgres.addresses import host_addresses
from shared.postgres.parts import require_part_count
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


class ServiceSettings(SecretFileSettings):
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
    jwt_issuer: str
    jwt_audience: str
    jwks_url: str
    # Applications, by spaces, whose tokens are taken (`azp`, `client_id`, `cid` or `appid`); empty:
    # any of them.
    jwt_clients: str = ""
    # Some issuers name no audience. Then the client is all that says for whom a token was made.
    jwt_audience_optional: bool = False
    # Where roles and scopes are, if not in `roles` and in `scope` or `scopes`.
    jwt_roles_claim: str = ""
    jwt_scopes_claim: str = ""
    jwt_lifetime_seconds_max: int = 86_400
    # An attacker who can change plain HTTP can sign any token: for practice only.
    allow_insecure_issuer: bool = False

    @property
    def claim_names(self) -> ClaimNames:
        """Where this installation's tokens say roles and scopes."""
        return claim_names(roles=self.jwt_roles_claim, scopes=self.jwt_scopes_claim)

    @field_validator("database_url", "database_direct_url")
    @classmethod
    def _name_hosts_once(cls, address: str) -> str:
        host_addresses(address)
        return address

    @model_validator(mode="after")
    def _tokens_are_made_for_us(self) -> Self:
        if self.jwt_audience_optional and not self.jwt_clients.split():
            raise ValueError(
                "jwt_audience_optional without jwt_clients takes the tokens of every application of"
                " the issuer. Set ..._JWT_CLIENTS to the clients that are yours."
            )
        # A path that cannot be read stops the service here.
        claim_names(roles=self.jwt_roles_claim, scopes=self.jwt_scopes_claim)
        return self

    @model_validator(mode="after")
    def _require_secure_key_addresses(self) -> Self:
        if not self.allow_insecure_issuer:
            addresses = [each for each in type(self).model_fields if each.endswith("jwks_url")]
            for name in ("jwt_issuer", *addresses):
                if urlsplit((getattr(self, name) or "").strip()).scheme == "http":
                    raise ValueError(
                        f"{name} is http://: an attacker on that line can sign any token. Use"
                        " https://, or set ..._ALLOW_INSECURE_ISSUER=true to practise."
                    )
        return self


class PartedSettings(ServiceSettings):
    """What a service reads whose users can be spread over several schemas of its database."""

    # Over how many schemas of its database the users are spread: chosen once, and kept for ever.
    parts: Annotated[int, AfterValidator(require_part_count)] = 1
