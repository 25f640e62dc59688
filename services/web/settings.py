"""Everything the web service reads from its environment."""

import re
from pathlib import Path

from pydantic import field_validator
from pydantic_settings import SettingsConfigDict

from shared.runtime.token_settings import ClaimSettings

RUNBOOKS = re.compile(r"(https?:/)?/[!-~]+")
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")


class Settings(ClaimSettings):
    """
    `host_origins` are the sites, by spaces, that may frame the pages and sign people in;
    `picture_origins` those whose pictures and films the catalogue's gifts may have;
    `people_file` lists the people to sign in as where a development issuer is. The console links
    to the runbooks below `runbooks_url`, if they are published anywhere. Where tokens say
    what they say is what the services have as theirs: pages show what a token's holder may do.
    """

    model_config = SettingsConfigDict(env_prefix="WEB_", frozen=True)

    host: str = "127.0.0.1"
    port: int
    host_origins: str = ""
    picture_origins: str = ""
    people_file: Path | None = None
    runbooks_url: str = ""

    @field_validator("runbooks_url")
    @classmethod
    def _leads_to_a_site(cls, value: str) -> str:
        """It becomes a link: no other scheme, or a click would run what it says."""
        if value and not RUNBOOKS.fullmatch(value):
            raise ValueError(f"{value} is not an address such as https://docs.example/runbooks")
        return value

    @field_validator("host_origins", "picture_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        """They end up in a policy and a page: nothing but origins may stand there."""
        for origin in value.split():
            if not ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin} is not an origin such as https://app.example")
        return " ".join(value.split())
