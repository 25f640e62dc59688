"""`ctl new service` in a copy of this checkout: what it writes passes the checks, and works."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.ctl.new_service import REGISTRATIONS, NotMade, new_service

ROOT = Path(__file__).parent.parent.parent
FILES_MAX, REGISTRATIONS_MAX = 12, 3
PARTS = (
    *("deploy", "docs", "services", "shared", "tests", "seeds", ".github"),
    *("pyproject.toml", "docker-compose.yml", "Makefile", ".dockerignore", ".env.example"),
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy with a service called tips; and what the command said."""
    folder = tmp_path_factory.mktemp("checkout")
    made = shutil.ignore_patterns("__pycache__", "secrets", "20-users.json", ".*_cache")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=made)
        else:
            shutil.copy(ROOT / part, folder / part)
    said = in_copy(folder, "-m", "deploy.ctl", "new", "service", "tips")
    return folder, said


def in_copy(folder, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_service_is_a_dozen_files_and_three_registrations(checkout):
    _, said = checkout

    kinds = [line.split()[0] for line in said.splitlines()]
    assert kinds.count("new") <= FILES_MAX
    assert kinds.count("registered") <= REGISTRATIONS_MAX


def test_what_was_written_passes_the_checks(checkout):
    folder, _ = checkout
    lint_imports = Path(sys.executable).with_name("lint-imports")

    in_copy(folder, "-m", "ruff", "check", "--no-cache", "services/tips", "shared/contracts")
    in_copy(folder, "-m", "ruff", "format", "--no-cache", "--check", *_python_of(folder))
    in_copy(folder, str(lint_imports), "--no-cache")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    in_copy(folder, "-m", "deploy.checks", "services/tips", "shared/contracts/tips.py")
    tests = ("test_services.py", "test_compose_file.py", "test_observability.py")
    named = [f"tests/deploy/{name}" for name in tests]
    in_copy(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", *named)


def test_it_starts_counts_a_gift_once_and_shows_it_to_its_creator(checkout):
    folder, _ = checkout

    in_copy(folder, "-m", "tests.deploy.newcomer", "tips")


@pytest.mark.parametrize("name", ["Tips", "t", "two-words", "import", "gift"])
def test_a_name_that_is_taken_or_none_writes_nothing(name, tmp_path):
    for file in REGISTRATIONS:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    (tmp_path / "services" / "gift").mkdir(parents=True)
    (tmp_path / "services" / "gift" / "main.py").touch()
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(NotMade):
        new_service(name, tmp_path)

    assert sorted(tmp_path.rglob("*")) == before


def _python_of(folder):
    return [str(folder / "services" / "tips"), *(str(folder / file) for file in REGISTRATIONS)][:3]
