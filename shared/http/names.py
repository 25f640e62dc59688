"""What people and things are called by those who built the application around us."""

from typing import Annotated

from pydantic import StringConstraints

from shared.claims import SUBJECT_CHARACTERS_MAX

# It reaches PostgreSQL, which keeps no NUL, and log lines, which must stay lines.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
Name = Annotated[str, StringConstraints(max_length=64, pattern=PRINTABLE)]
# As long as the subject of a token may be, so that a route can name every caller.
UserId = Annotated[str, StringConstraints(max_length=SUBJECT_CHARACTERS_MAX, pattern=PRINTABLE)]
