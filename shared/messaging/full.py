"""
Full queues of dead letters and retries, and when each is tried again.

A full queue refuses messages (`reject-publish`). Then only the messages for that queue wait in the
outbox, and all others of the service are published.
"""

import time
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

PAUSE_SECONDS = 1.0
PAUSE_SECONDS_MAX = 60.0


@dataclass(slots=True)
class _Pause:
    seconds: float
    until: float


class FullQueues:
    """What was refused lately, by exchange and routing key; it lives as long as its relay."""

    def __init__(self) -> None:
        self._pauses: dict[str, _Pause] = {}

    def waiting(self) -> list[str]:
        """Return the queues to leave out now, each as `exchange|routing key`."""
        now = time.monotonic()
        return [name for name, pause in self._pauses.items() if pause.until > now]

    def refused(self, exchange: str, routing_key: str) -> None:
        """Pause a queue, twice as long each time; all refusals of one batch count once."""
        name, now = f"{exchange}|{routing_key}", time.monotonic()
        pause = self._pauses.get(name)
        if pause is not None and pause.until > now:
            return
        seconds = PAUSE_SECONDS if pause is None else min(2 * pause.seconds, PAUSE_SECONDS_MAX)
        self._pauses[name] = _Pause(seconds, now + seconds)
        log.error("outbox.queue_full", exchange=exchange, queue=routing_key, pause_seconds=seconds)

    def took(self, exchange: str, routing_key: str) -> None:
        """End the pauses of a queue that took a message."""
        self._pauses.pop(f"{exchange}|{routing_key}", None)
