"""What several routes are asked with."""

from typing import Annotated

from fastapi import Security
from pydantic import BaseModel, ConfigDict, Field

from services.live.domain.rooms import CreatorsOnly
from shared.http import PRINTABLE
from shared.http.auth import Caller
from shared.identity.tokens import Identity

CREATOR = "creator"
COINS_MAX = 1_000_000_000
TITLE_CHARACTERS_MAX = 120

Title = Annotated[str, Field(max_length=TITLE_CHARACTERS_MAX, pattern=PRINTABLE)]
Text = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
CoinWish = Annotated[int, Field(strict=True, ge=1, le=COINS_MAX)]


class Wish(BaseModel):
    """A body; a field we do not know is a mistake somebody should hear about."""

    model_config = ConfigDict(extra="forbid")


class View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


def _require_creator(caller: Caller) -> Identity:
    """Let those in whom the host application calls creators."""
    if CREATOR not in caller.roles:
        raise CreatorsOnly
    return caller


Creator = Annotated[Identity, Security(_require_creator, scopes=[CREATOR])]
