"""The version before, as it was released, from this checkout's own history."""

import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# The commit of the last release, or `none`; CONTRIBUTING.md says who changes it, and when.
RELEASED = (Path(__file__).parent / "released.txt").read_text().strip()
PARTS = ("services", "shared", "deploy", "seeds")


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """A folder with everything that ran in the version before."""
    if RELEASED in ("", "none"):
        pytest.skip("NO VERSION WAS RELEASED YET: there is none to upgrade from")
    if not _has_history():
        pytest.skip("THIS CHECKOUT HAS NO HISTORY: the version before cannot be run")
    folder = tmp_path_factory.mktemp("released")
    with (folder / "tree.tar").open("wb") as tar:
        # A commit that is not there is a mistake in released.txt, and no reason to skip.
        subprocess.run(
            ["git", "archive", RELEASED, *PARTS], cwd=ROOT, check=True, stdout=tar, timeout=60
        )
    with tarfile.open(folder / "tree.tar") as tar:
        tar.extractall(folder, filter="data")
    return folder


def _has_history():
    """Whether there is a repository, and not only its newest commit."""
    asked = subprocess.run(
        ["git", "rev-parse", "--is-shallow-repository"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    return asked.stdout.strip() == "false"
