"""
The JavaScript of the pages and examples: Biome's rules, and TypeScript's types.

`python -m deploy.checks.javascript`. Answers of the API have the types of the OpenAPI document,
from which openapi-typescript writes declarations for this check alone.
The packages are those of `deploy/javascript/package-lock.json`, from npm's registry.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.checks import ROOT

FOLDER = "deploy/javascript"
CHECKED = (
    "services/web/static",
    "deploy/clients/typescript/src",
    "deploy/examples",
    "deploy/bruno/collection",
    "tests",
)
MISSING = (
    "NODE IS MISSING, so no JavaScript was looked at. Install nodejs (20 or newer) and npm, and run"
    " `make check` again."
)


def check(root: Path = ROOT) -> bool:
    """Print what is wrong with the JavaScript; return whether nothing is."""
    if not shutil.which("npm"):
        print(MISSING)  # noqa: T201 - it is what this prints
        return "CI" not in os.environ
    folder = install(root)
    types, document = folder / "made" / "api.d.ts", root / "deploy" / "gateway" / "openapi.json"
    if not types.exists() or types.stat().st_mtime < document.stat().st_mtime:
        options = ("--output", str(types), "--default-non-nullable=false")
        run(folder, program(folder, "openapi-typescript"), str(document), *options)
    configuration = f"--config-path={folder}"
    biome = program(folder, "biome")
    rules = _is_good(root, biome, "lint", configuration, "--error-on-warnings", *CHECKED)
    return _is_good(folder, program(folder, "tsc"), "--project", ".") and rules


def install(root: Path = ROOT) -> Path:
    """Install the packages of the checks, if they are not there; return their folder."""
    return install_packages(root / FOLDER)


def install_packages(folder: Path) -> Path:
    """Install what a folder's lock file names from npm's registry, if it is not there."""
    if not _is_installed(folder):
        run(folder, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    return folder


def _is_installed(folder: Path) -> bool:
    """Look for what npm writes after all else, so half an installation is none."""
    made, lock = folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"
    return made.exists() and made.stat().st_mtime >= lock.stat().st_mtime


def program(folder: Path, name: str) -> str:
    """Return the path of a program of an installed package."""
    return str(folder / "node_modules" / ".bin" / name)


def run(folder: Path, *command: str, given: str | None = None) -> None:
    """Run a program of npm's; it ends this one, with what it printed, if it fails."""
    done = subprocess.run(  # noqa: S603 - ours
        command, cwd=folder, input=given, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")


def _is_good(folder: Path, *command: str) -> bool:
    return not subprocess.run(command, cwd=folder, check=False).returncode  # noqa: S603 - ours


if __name__ == "__main__":
    sys.exit(not check())
