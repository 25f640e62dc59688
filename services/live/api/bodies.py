"""Fields that several requests and responses have."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.http import PRINTABLE

COINS_MAX = 1_000_000_000
TITLE_CHARACTERS_MAX = 120

Title = Annotated[str, Field(max_length=TITLE_CHARACTERS_MAX, pattern=PRINTABLE)]
Text = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
CoinAmount = Annotated[int, Field(strict=True, ge=1, le=COINS_MAX)]


class Request(BaseModel):
    """A body; a field we do not know is a mistake, and refused."""

    model_config = ConfigDict(extra="forbid")


class Response(BaseModel):
    """An answer, read from an object's attributes."""

    model_config = ConfigDict(from_attributes=True)
