"""
The JavaScript of the pages and examples: Biome's rules, and TypeScript's types.

`python -m deploy.checks.javascript`. Answers of the API have the types of the OpenAPI document,
from which openapi-typescript writes declarations for this check alone: pages are served as they
lie.
The packages are those of `deploy/javascript/package-lock.json`, from npm's registry.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.checks import ROOT

FOLDER = "deploy/javascript"
CHECKED = ("services/web/static", "deploy/examples", "tests")
MISSING = (
    "NODE IS MISSING, so no JavaScript was looked at. Install nodejs (20 or newer) and npm, and run"
    " `make check` again."
)


def check(root: Path = ROOT) -> bool:
    """Print what is wrong with the JavaScript; return whether nothing is."""
    if not shutil.which("npm"):
        print(MISSING)  # noqa: T201 - it is what this prints
        return "CI" not in os.environ
    folder = root / FOLDER
    if not _is_installed(folder):
        _run(folder, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    types, document = folder / "made" / "api.d.ts", root / "deploy" / "gateway" / "openapi.json"
    if not types.exists() or types.stat().st_mtime < document.stat().st_mtime:
        options = ("--output", str(types), "--default-non-nullable=false")
        _run(folder, _program(folder, "openapi-typescript"), str(document), *options)
    configuration = f"--config-path={folder}"
    biome = _program(folder, "biome")
    rules = _is_good(root, biome, "lint", configuration, "--error-on-warnings", *CHECKED)
    return _is_good(folder, _program(folder, "tsc"), "--project", ".") and rules


def _is_installed(folder: Path) -> bool:
    """Look for what npm writes after all else, so half an installation is none."""
    made, lock = folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"
    return made.exists() and made.stat().st_mtime >= lock.stat().st_mtime


def _program(folder: Path, name: str) -> str:
    return str(folder / "node_modules" / ".bin" / name)


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)  # noqa: S603 - ours
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")


def _is_good(folder: Path, *command: str) -> bool:
    return not subprocess.run(command, cwd=folder, check=False).returncode  # noqa: S603 - ours


if __name__ == "__main__":
    sys.exit(not check())
