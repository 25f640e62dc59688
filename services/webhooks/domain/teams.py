"""Teams that have, or may have, endpoints."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Team:
    """
    What a team was granted, and how its endpoints stand.

    `failing` endpoints are enabled ones whose last attempt failed; `disabled` ones get nothing.
    """

    team: str
    events: int
    endpoints: int
    failing: int
    disabled: int
