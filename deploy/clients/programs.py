"""The programs that make clients, and what they complain of."""

import subprocess
import tomllib
from pathlib import Path

from deploy.config.environment import ROOT


class Warned(Exception):
    """A generator left something out of a client."""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a program and return what it printed; end with that if it fails."""
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def version() -> str:
    """Return the version of the project, which its clients have too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])
