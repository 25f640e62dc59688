"""What somebody reads at night is true: every command, address, queue and page there exists."""

import json
import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.testing import CliRunner

from deploy.ctl.__main__ import COMMANDS, app, main
from shared.contracts.routes import QUEUES

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted((ROOT / "docs" / "operations" / "runbooks").glob("*.md"))
API = json.loads((ROOT / "deploy" / "gateway" / "openapi.json").read_text())["paths"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# The one page that says how else the program can be started.
ALSO_SAYS = ROOT / "docs" / "operations" / "commands.md"


@pytest.fixture(params=PAGES, ids=lambda page: page.stem)
def text(request):
    # A command may go on in the next line.
    return re.sub(r"\s+", " ", request.param.read_text())


def test_every_command_exists_with_its_options(text):
    for words in re.findall(r"\b(?:ovationctl|operator) ([a-z][^`$;)]*)", text):
        command = words.split("#")[0].split()

        asked = CliRunner().invoke(app, [*path_to(command), "--help"], env={"COLUMNS": "200"})

        assert asked.exit_code == 0, command
        for option in (word for word in command if word.startswith("--")):
            assert option in asked.stdout, command


def path_to(command):
    """Return the words that name a command, without its arguments."""
    names, at = command[:1], COMMANDS[command[0]].load(command[0])
    for word in command[1:]:
        if not isinstance(at, TyperGroup):
            break
        names.append(word)
        at = at.commands.get(word)
    return names


def test_the_program_of_this_name_is_the_one_that_is_tested_here():
    (name, place), *others = PROJECT["scripts"].items()

    assert (name, others) == ("ovationctl", [])
    assert EntryPoint(name, place, "console_scripts").load() is main


def test_each_page_calls_it_by_its_name():
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", *(ROOT / "seeds").glob("*.md")]

    other = re.compile(r"python -m deploy\.ctl|`(?:deploy\.)?ctl [a-z]")
    found = {page.name for page in pages if other.search(page.read_text())}
    assert found == {ALSO_SAYS.name}


def test_every_address_exists(text):
    for method, path in re.findall(r"(GET|POST|PUT) (/v1/[^` ]+)", text):
        assert method.lower() in API.get(path, {}), path


def test_every_queue_exists(text):
    for queue in re.findall(r"--(?:queue|to) ([a-z]+[.][a-z]+)", text):
        assert queue in QUEUES


def test_every_page_that_is_named_exists(text):
    for name in re.findall(r"\]\(([a-z-]+\.md)\)", text):
        assert (ROOT / "docs" / "operations" / "runbooks" / name).exists()
