"""Fields that several requests and responses have."""

from typing import Annotated

from pydantic import ConfigDict, Field

from shared.contracts.base import in_unit, like
from shared.http import PRINTABLE
from shared.http.bodies import Body
from shared.http.fields import Coins, ViewerName

COINS_MAX = 1_000_000_000
TITLE_CHARACTERS_MAX = 120

Title = Annotated[str, Field(max_length=TITLE_CHARACTERS_MAX, pattern=PRINTABLE)]
Text = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
CoinAmount = Annotated[int, Field(strict=True, ge=1, le=COINS_MAX)]


class Request(Body):
    """A body; a field we do not know is a mistake, and refused."""

    model_config = ConfigDict(extra="forbid")


class Response(Body):
    """An answer, read from an object's attributes."""

    model_config = ConfigDict(from_attributes=True)


class TopGifter(Response):
    """A viewer who gave much, openly, with the level of what they gave openly in all rooms."""

    viewer: ViewerName
    coins: Annotated[Coins, like(400)]
    """What they gave here in this time openly, in coins, less what was charged back."""
    gifts: Annotated[int, in_unit("gifts", 4)]
    """How many gifts that was, each of any number of pieces."""
    level: Annotated[int, like(3)]
    """Their level, from 0 to 50, by what they gave openly in all rooms."""
