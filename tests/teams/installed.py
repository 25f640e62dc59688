"""What another team installs: the wheel, in an environment that has nothing else of Ovation."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.journeys.people import eventually

ROOT = Path(__file__).parent.parent.parent
WHEEL = ROOT / "deploy" / "wheel"
# Packages come from a registry, once; then from uv's cache.
INSTALL_SECONDS_MAX = 180


def build_wheel(folder):
    """Build the wheel as `make wheel` does; return its path."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(build, cwd=WHEEL, check=True, capture_output=True)
    (wheel,) = Path(folder).glob("*.whl")
    return wheel


def environment_with(folder, *requirements):
    """Make an environment with these alone; return its Python."""
    uv = Path(sys.executable).parent / "uv"
    python = folder / "bin" / "python"
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, folder],
        [uv, "pip", "install", "--quiet", "--python", python, *requirements],
    ):
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS_MAX,
            env={**os.environ, "UV_COMPILE_BYTECODE": "0"},
        )
        assert done.returncode == 0, done.stderr
    return python


def printed_program():
    """Return the program that the wheel's README shows."""
    (program,) = re.findall(r"```python\n(.*?)```", (WHEEL / "README.md").read_text(), re.DOTALL)
    return program


def printed_table():
    """Return the table that the program needs, as the README shows it."""
    (table,) = re.findall(r"```sql\n(.*?)```", (WHEEL / "README.md").read_text(), re.DOTALL)
    return table


def runs_until(command, environment, condition):
    """Run a program until something is so; told to end, it must end well."""
    with subprocess.Popen(command, env=environment) as process:
        try:
            eventually(condition)
        finally:
            process.terminate()
        assert process.wait(20) == 0
