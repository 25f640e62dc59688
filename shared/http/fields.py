"""Ids and names that the host application gives to users, rooms and gift types."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from shared.identity.claims import SUBJECT_CHARACTERS_MAX, can_be_person, is_addressable

# It reaches PostgreSQL, which keeps no NUL, and log lines, which must stay lines.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
# The same, as one part of a path. `?`, `#` and `%` are fine there: clients encode them.
ADDRESSABLE = r"^[^\x00-\x1f\x7f-\x9f/\\]+$"

# What a person writes to another: lines of it.
TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+$"
TEXT_CHARACTERS_MAX = 2_000


def _addressable(name: str) -> str:
    if not is_addressable(name):
        raise ValueError("no address can hold this name")
    return name


def _person(name: str) -> str:
    if not can_be_person(name):
        raise ValueError("no person can have this name")
    return name


Name = Annotated[
    str, StringConstraints(max_length=64, pattern=ADDRESSABLE), AfterValidator(_addressable)
]
# As long as the subject of a token may be, so that a route can name every caller ...
UserIdOrMe = Annotated[str, StringConstraints(max_length=SUBJECT_CHARACTERS_MAX, pattern=PRINTABLE)]
# ... and where `me` does not stand for the caller, it is not a user id.
UserId = Annotated[UserIdOrMe, AfterValidator(_person)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_CHARACTERS_MAX, pattern=TEXT)]
