"""What says whose tokens are believed, and where they say what: the same for every reader."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.identity.claims import ClaimNames, claim_names
from shared.identity.issuers import Issuer, require_distinct

# The claims that can be elsewhere, by the fields of `ClaimNames`; each has a setting `…_claim`.
_CLAIMS = tuple(ClaimNames.__dataclass_fields__)


class IssuerSettings(BaseModel):
    """
    One issuer. `clients` are applications, by spaces; a claim is where its setting says.

    The settings of the first are variables of their own; each further one is an object in
    `jwt_more_issuers`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    issuer: str = Field(min_length=1)
    jwks_url: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    clients: str = ""
    audience_optional: bool = False
    subject_prefix: str = ""
    roles_claim: str = ""
    scopes_claim: str = ""
    country_claim: str = ""
    age_claim: str = ""
    ip_country_claim: str = ""
    account_created_at_claim: str = ""
    auth_time_claim: str = ""
    name_claim: str = ""
    picture_claim: str = ""

    @property
    def claim_names(self) -> ClaimNames:
        """Where this issuer's tokens say what they say."""
        return claim_names(**{name: getattr(self, f"{name}_claim") for name in _CLAIMS})

    def read(self) -> Issuer:
        return Issuer(
            name=self.issuer,
            audience=self.audience,
            jwks_url=self.jwks_url,
            clients=frozenset(self.clients.split()),
            audience_optional=self.audience_optional,
            names=self.claim_names,
            subject_prefix=self.subject_prefix,
        )

    @model_validator(mode="after")
    def _tokens_are_made_for_us(self) -> Self:
        if self.audience_optional and not self.clients.split():
            raise ValueError(
                "jwt_audience_optional without jwt_clients takes the tokens of every application of"
                " the issuer. Set ..._JWT_CLIENTS to the clients that are yours."
            )
        # A path that cannot be read stops the service here.
        self.claim_names  # noqa: B018 - read for its error
        return self


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read the tokens of one issuer: how its users' ids begin, and where claims are."""

    issuer: str | None
    prefix: str
    names: ClaimNames


class ClaimSettings(BaseSettings):
    """Where tokens say what they say; whoever shows a token's holder reads them as a service."""

    model_config = SettingsConfigDict(frozen=True)

    # Where claims are, if not in `roles`, in `scope` or `scopes`, in `country` and so on.
    jwt_roles_claim: str = ""
    jwt_scopes_claim: str = ""
    jwt_country_claim: str = ""
    jwt_age_claim: str = ""
    jwt_ip_country_claim: str = ""
    jwt_account_created_at_claim: str = ""
    jwt_auth_time_claim: str = ""
    jwt_name_claim: str = ""
    jwt_picture_claim: str = ""
    # Issuers beside the first: a list in JSON, of objects with the fields of `IssuerSettings`.
    jwt_more_issuers: str = ""

    @property
    def claim_names(self) -> ClaimNames:
        """Where the first issuer's tokens say what they say."""
        return claim_names(**{name: getattr(self, f"jwt_{name}_claim") for name in _CLAIMS})

    @cached_property
    def more_issuers(self) -> tuple[Issuer, ...]:
        """The issuers beside the first."""
        if not self.jwt_more_issuers.strip():
            return ()
        try:
            listed = TypeAdapter(list[IssuerSettings]).validate_json(self.jwt_more_issuers)
        except ValidationError as error:
            faults = [
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
            ]
            raise ValueError(f"jwt_more_issuers: {'; '.join(faults)}") from None
        return tuple(each.read() for each in listed)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """How tokens of each issuer are read; the first one's are those of no other issuer."""
        return (
            Reading(None, "", self.claim_names),
            *(Reading(each.name, each.subject_prefix, each.names) for each in self.more_issuers),
        )

    @model_validator(mode="after")
    def _claims_can_be_read(self) -> Self:
        """A path or an issuer that cannot be read stops the service here."""
        self.claim_names  # noqa: B018 - read for its error
        self.more_issuers  # noqa: B018
        return self


class TokenSettings(ClaimSettings):
    """Whose tokens a service believes, and what they must name."""

    jwt_issuer: str
    jwt_audience: str
    jwks_url: str
    # Applications, by spaces, whose tokens are taken (`azp`, `client_id`, `cid` or `appid`); empty:
    # any of them.
    jwt_clients: str = ""
    # Some issuers name no audience. Then the client is all that says for whom a token was made.
    jwt_audience_optional: bool = False
    jwt_lifetime_seconds_max: int = 86_400
    # An attacker who can change plain HTTP can sign any token: for practice only.
    allow_insecure_issuer: bool = False

    @property
    def issuers(self) -> tuple[Issuer, ...]:
        """Whose tokens are believed; user ids are the subjects of the first as they are."""
        claims: dict[str, Any] = {
            f"{name}_claim": getattr(self, f"jwt_{name}_claim") for name in _CLAIMS
        }
        first = IssuerSettings(
            issuer=self.jwt_issuer,
            jwks_url=self.jwks_url,
            audience=self.jwt_audience,
            clients=self.jwt_clients,
            audience_optional=self.jwt_audience_optional,
            **claims,
        )
        return (first.read(), *self.more_issuers)

    @model_validator(mode="after")
    def _issuers_are_distinct(self) -> Self:
        require_distinct(self.issuers)
        return self

    @model_validator(mode="after")
    def _require_secure_key_addresses(self) -> Self:
        if self.allow_insecure_issuer:
            return self
        names = [name for name in type(self).model_fields if name.endswith("jwks_url")]
        places = {name: getattr(self, name) or "" for name in ("jwt_issuer", *names)}
        for issuer in self.more_issuers:
            places |= {
                f"jwt_more_issuers: {issuer.name}": issuer.name,
                f"jwt_more_issuers: keys of {issuer.name}": issuer.jwks_url or "",
            }
        for name, place in places.items():
            if urlsplit(place.strip()).scheme == "http":
                raise ValueError(
                    f"{name} is http://: an attacker on that line can sign any token. Use"
                    " https://, or set ..._ALLOW_INSECURE_ISSUER=true to practise."
                )
        return self
