"""A step that does not come to an end ends the run, and everything the run has started."""

import subprocess
import sys
from pathlib import Path

import pytest

# Waits for ever in a thread that is not the event loop's, with a child that would go on.
RUN = """
import sys, threading
from pathlib import Path
from deploy.harness.processes import Process, temporary_folder
from tests.heist.deadline import Deadline

folder = temporary_folder("deadline")
child = Process("sleeper", ["sleep", "1000"], folder / "log")
child.start()
print(child.pid, folder, flush=True)
with Deadline(lambda: {description}) as deadline:
    deadline.begin("Starting", seconds_max=60)
    deadline.begin("Waiting", seconds_max={seconds})
    threading.Event().wait({waits})
"""


def run(*, description, seconds, waits):
    script = RUN.format(description=description, seconds=seconds, waits=waits)
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    pid, folder = ended.stdout.split()
    return ended, int(pid), Path(folder)


def is_running(pid):
    # One that has ended, and that nobody has asked for its end yet, has no command any more.
    command = Path(f"/proc/{pid}/cmdline")
    return command.exists() and command.read_bytes() != b""


@pytest.mark.parametrize("description", ["'all wait for the lock'", "1 / 0"])
def test_a_step_that_takes_too_long_ends_the_run_and_its_processes(description):
    ended, pid, folder = run(description=description, seconds=0.1, waits="")

    assert ended.returncode == 1
    assert "Waiting did not end within" in ended.stderr
    assert ("all wait for the lock" in ended.stderr) == ("lock" in description)
    assert not folder.exists()
    assert not is_running(pid)


def test_steps_that_end_in_time_leave_the_run_alone():
    ended, _, _ = run(description="'nothing'", seconds=60, waits="0.1")

    assert (ended.returncode, ended.stderr) == (0, "")
