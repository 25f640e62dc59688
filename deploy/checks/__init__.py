"""
The rules of the house that no other tool checks: words, routes, rows, sizes, clocks, files, styles.

`python -m deploy.checks --report services/wallet` lists what breaks them, and what to do instead.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A place that breaks a rule, and what to do there."""

    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def tracked_files(paths: Sequence[str] = (), root: Path = ROOT) -> list[str]:
    """Return the files of the repository below the paths, new ones included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *paths]
    found = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)  # noqa: S603 - constant program, paths of a developer
    return [path for path in sorted(set(found.stdout.splitlines())) if (root / path).exists()]
