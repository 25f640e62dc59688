"""
What a token says about its user, read strictly.

A claim that is missing (or null) says nothing. A claim that is there and cannot be read is a
fault of the host application: the token is refused, because any guess could be the wrong one.
"""

from shared.countries import country_of

AGE_YEARS_MAX = 150
# Times beyond this are not times; NaN, which would never expire, is below nothing.
TIME_MAX = 2**53


class BadClaim(Exception):
    """A claim has a wrong type or an impossible value; `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_time(value: object) -> float:
    """Read a point in time, in seconds; a bool is an int to isinstance, but no time."""
    if type(value) not in (int, float):
        raise BadClaim("malformed")
    assert isinstance(value, int | float)
    if not 0 <= value < TIME_MAX:
        raise BadClaim("malformed")
    return value


def read_words(value: object, *, reason: str) -> frozenset[str]:
    """Read a claim that is a list of words, or words between spaces."""
    if value is None:
        return frozenset()
    if isinstance(value, str):
        return frozenset(value.split())
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise BadClaim(reason)
    return frozenset(value)


def read_country(value: object) -> str | None:
    """Read a country as ISO 3166-1 alpha-2, in any case; it is in capitals afterwards."""
    if value is None:
        return None
    country = country_of(value) if isinstance(value, str) else None
    if country is None:
        raise BadClaim("bad-country")
    return country


def read_age(value: object) -> int | None:
    """Read an age in whole years; `false`, "16" and 16.0 are none."""
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= AGE_YEARS_MAX:
        raise BadClaim("bad-age")
    return value
