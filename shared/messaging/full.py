"""
Queues of letters and retries that take no more, and when each is asked again.

A full queue refuses what is published to it (`reject-publish`). Only what is meant for that queue
waits then, in the outbox where it is, and nothing else of the service.
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
        """Return what is not to be published now, each as `exchange|routing key`."""
        now = time.monotonic()
        return [name for name, pause in self._pauses.items() if pause.until > now]

    def refused(self, exchange: str, routing_key: str) -> None:
        """Let a queue rest, twice as long each time; a window of refusals is one of them."""
        name, now = f"{exchange}|{routing_key}", time.monotonic()
        pause = self._pauses.get(name)
        if pause is not None and pause.until > now:
            return
        seconds = PAUSE_SECONDS if pause is None else min(2 * pause.seconds, PAUSE_SECONDS_MAX)
        self._pauses[name] = _Pause(seconds, now + seconds)
        log.error("outbox.queue_full", exchange=exchange, queue=routing_key, pause_seconds=seconds)

    def took(self, exchange: str, routing_key: str) -> None:
        """Forget that a queue was full: it took something."""
        self._pauses.pop(f"{exchange}|{routing_key}", None)
