"""Everything the web service reads from its environment."""

import re
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from services.web.brand import DEFAULT_NAME
from shared.runtime.token_settings import ClaimSettings

RUNBOOKS = re.compile(r"(https?:/)?/[!-~]+")
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
# A player's address; nothing that would end a policy or an attribute stands in it.
PLAYER = re.compile(rf"(?P<origin>{ORIGIN.pattern})/[A-Za-z0-9._~/?&=%{{}}-]*")
ROOM = "{room}"
# The pages by their names, as `pages_off` has them.
PAGES = ("room", "wallet", "creator", "operator", "paid", "events", "docs")
NAME_MAX = 40


class Settings(ClaimSettings):
    """
    `host_origins` are the sites, by spaces, that may frame the pages and sign people in;
    `picture_origins` those whose pictures people and gifts may have, and films gifts;
    `people_file` lists the people to sign in as where a development issuer is. The console links
    to the runbooks below `runbooks_url`, if they are published anywhere. The places of claims in
    tokens are those of the services: pages show what a token's holder may do.
    """

    model_config = SettingsConfigDict(env_prefix="WEB_", env_ignore_empty=True, frozen=True)

    host: str = "127.0.0.1"
    port: int
    host_origins: str = ""
    picture_origins: str = ""
    people_file: Path | None = None
    runbooks_url: str = ""
    # The name of your application, in the bar and the titles of the pages.
    name: str = Field(DEFAULT_NAME, min_length=1, max_length=NAME_MAX)
    # A folder with your logo (logo.svg, .webp or .png), your colours and fonts (brand.css), and the
    # pictures and .woff2 fonts that brand.css names.
    brand_folder: Path | None = None
    # The address of your player for a room, such as https://player.example/embed/{room}: a frame
    # with it fills the stage.
    player_url: str = ""
    # Pages that are not there, by spaces: room wallet creator operator paid events docs.
    pages_off: str = ""

    @property
    def player_origin(self) -> str:
        """Where the player comes from, or nothing."""
        found = PLAYER.fullmatch(self.player_url)
        return found["origin"] if found else ""

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not value.isprintable() or not value.strip():
            raise ValueError(f"{value!r} is not a name that can be shown")
        return value.strip()

    @field_validator("player_url")
    @classmethod
    def _is_a_player(cls, value: str) -> str:
        """It becomes a frame's address and a part of the policy."""
        if value and not (PLAYER.fullmatch(value) and value.count(ROOM) == 1):
            raise ValueError(
                f"{value} is not an address such as https://player.example/embed/{ROOM}"
            )
        return value

    @field_validator("pages_off")
    @classmethod
    def _are_pages(cls, value: str) -> str:
        for page in value.split():
            if page not in PAGES:
                raise ValueError(f"{page} is not a page; pages are {' '.join(PAGES)}")
        return " ".join(value.split())

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
