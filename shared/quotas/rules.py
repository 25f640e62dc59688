"""Quotas as rules: pure, so that a service's domain can name its own."""

from dataclasses import dataclass

from shared.errors import Kind, Refusal

MINUTE, HOUR, DAY = 60, 3_600, 86_400


class TooOften(Refusal):
    """You have done this as often as one may in this time; wait, then try again."""

    kind = Kind.LIMITED


@dataclass(frozen=True, slots=True)
class Quota:
    """So many times in so many seconds, from the first time on."""

    act: str
    count_max: int
    seconds: int

    def __post_init__(self) -> None:
        assert self.count_max > 0
        # Older rows are forgotten.
        assert 0 < self.seconds <= DAY

    def used_up(self, retry_after_seconds: int) -> TooOften:
        """Return the refusal, with all there is to know about it."""
        return TooOften(
            act=self.act,
            count_max=self.count_max,
            period_seconds=self.seconds,
            retry_after_seconds=retry_after_seconds,
        )
