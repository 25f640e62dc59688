"""Run a program on the clock of a system: `python -m tests.heist.clocked services.wallet.main`."""

import os
import runpy
import sys
from pathlib import Path

import time_machine

from tests.heist.clock import VARIABLE, number_of


class SharedTime(time_machine.Traveller):
    """The time of day, as far ahead as the clock's file says in this moment."""

    def __init__(self, ahead: memoryview) -> None:
        super().__init__(0, None, tick=True)
        self._ahead = ahead

    def time_ns(self) -> int:
        return time_machine.escape_hatch.time.time_ns() + int(self._ahead[0])


def follow(file: Path) -> None:
    """Let this process ask the clock for the time of day from now on."""
    time_machine.travel(0).start()
    time_machine.traveller_stack[:] = [SharedTime(number_of(file))]


if __name__ == "__main__":
    follow(Path(os.environ[VARIABLE]))
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
