"""No step of a run waits for ever: one that takes too long ends it, and shows what waits."""

import faulthandler
import os
import sys
import threading
from collections.abc import Callable
from typing import Self

from deploy.harness.watchdog import watchdog


class Deadline:
    """
    The time that the current step may take; what to do after it runs in a thread of its own.

    It trusts nobody to come back: neither the event loop nor threads. The process ends at once, and
    its watchdog ends what it started and removes what it wrote.
    """

    def __init__(self, describe: Callable[[], str]) -> None:
        # Says what is running and waiting; it must end by itself.
        self._describe = describe
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cancel()

    def begin(self, step: str, *, seconds_max: float) -> None:
        """Give a step its time; the one before has ended."""
        self._cancel()
        self._timer = threading.Timer(seconds_max, self._expire, [step, seconds_max])
        self._timer.daemon = True
        self._timer.start()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self, step: str, seconds_max: float) -> None:
        try:
            print(f"{step} did not end within {seconds_max:.0f} s.\n", file=sys.stderr)
            print(self._describe(), file=sys.stderr, flush=True)
            faulthandler.dump_traceback()
        finally:
            watchdog().end()
            os._exit(1)
