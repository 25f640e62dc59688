"""Times as callers write them."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError

# https://www.rfc-editor.org/rfc/rfc3339#section-5.6
_BEGINS = re.compile(r"\d{4}-\d\d-\d\d[Tt]")


def _written(value: object) -> object:
    """Refuse numbers: Pydantic takes them for seconds or for milliseconds, as it sees fit."""
    if isinstance(value, int | float) or (isinstance(value, str) and not _BEGINS.match(value)):
        raise PydanticCustomError("moment", "Input should be a time as RFC 3339 writes it")
    return value


def _in_utc(given: datetime) -> datetime:
    """Convert here, where the caller gets the error: PostgreSQL's client would fail as a 500."""
    try:
        return given.astimezone(UTC)
    except OverflowError:
        raise ValueError("its year in UTC is before 1 or after 9999") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_in_utc)]
