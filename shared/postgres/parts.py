"""
Parts: the users of a service spread over schemas of its database, so that nodes can share them.

An installation has 1, 16 or 64 parts, chosen once. With one part all tables are in `public`. With
several, the tables of users are in `part_00`, `part_01` and so on, and what is of no single user
(catalogues, the audit log, sums of days) stays in `public`, the schema of reference. A transaction
is of one part, so an engine that keeps each schema on one node (Citus 12 or newer) needs no
transaction over several. docs/decisions/0020-a-schema-a-part.md says why.
"""

from hashlib import sha256

PARTS_ALLOWED = (1, 16, 64)
REFERENCE_SCHEMA = "public"


def place_of(user: str) -> int:
    """
    Return a user's place among 256: the first byte of the SHA-256 of their id.

    An id that begins with this byte names the part of its user, however many parts there are.
    """
    return sha256(user.encode()).digest()[0]


def part_of(user: str, count: int) -> int:
    """
    Return the number of a user's part, of so many.

    It is the first byte of the SHA-256 of the user's id, modulo the number of parts. It never
    changes: another answer would not find the user's money. In PostgreSQL it is
    `get_byte(sha256(convert_to(user_id, 'UTF8')), 0) % count`.
    """
    return place_of(user) % count


def schema_of(part: int) -> str:
    """Return the schema of a part of several: `part_07`."""
    return f"part_{part:02}"


def require_part_count(count: int) -> int:
    """Return a number of parts that an installation may have, or raise `ValueError`."""
    if count not in PARTS_ALLOWED:
        allowed = ", ".join(map(str, PARTS_ALLOWED))
        raise ValueError(f"{count} parts are not possible: choose one of {allowed}.")
    return count


class PartsDiffer(Exception):
    """The installation was made with another number of parts than it is told now."""

    def __init__(self, recorded: int, wanted: int) -> None:
        super().__init__(
            f"This database was made with {recorded} part{'s' * (recorded != 1)}, and the setting"
            f" says {wanted}. The number is kept for ever: set ..._PARTS to {recorded}."
        )


# In the schema of reference, made with it.
PARTS_TABLE = """
CREATE TABLE IF NOT EXISTS parts (
    -- How many parts the users of this installation are spread over: chosen once.
    count     integer  NOT NULL,
    only_row  boolean  PRIMARY KEY DEFAULT true CONSTRAINT parts_are_recorded_once CHECK (only_row)
);
GRANT SELECT ON parts TO {role};
"""
