"""Who gave most in a room: the periods it is counted in, and how far ranks are counted."""

from enum import StrEnum

TOP_GIFTERS = 10
# No request may walk through a million other viewers to find its own rank.
RANKS_MAX = 100


class Period(StrEnum):
    STREAM = "stream"
    DAY = "day"
    WEEK = "week"
    ALL = "all"
