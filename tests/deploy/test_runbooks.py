"""What somebody reads at night is true: every command, address, queue and page there exists."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.ctl.__main__ import app
from shared.contracts.routes import QUEUES

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted((ROOT / "docs" / "operations" / "runbooks").glob("*.md"))
API = json.loads((ROOT / "deploy" / "gateway" / "openapi.json").read_text())["paths"]
GROUPS = ("dlq", "outbox", "topology", "seal", "events")


@pytest.fixture(params=PAGES, ids=lambda page: page.stem)
def text(request):
    # A command may go on in the next line.
    return re.sub(r"\s+", " ", request.param.read_text())


def test_every_command_exists_with_its_options(text):
    for words in re.findall(r"\b(?:ctl|operator|deploy\.ctl) ([a-z][^`$;)]*)", text):
        command = words.split("#")[0].split()
        path = command[:2] if command[0] in GROUPS else command[:1]

        asked = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"})

        assert asked.exit_code == 0, command
        for option in (word for word in command if word.startswith("--")):
            assert option in asked.stdout, command


def test_every_address_exists(text):
    for method, path in re.findall(r"(GET|POST|PUT) (/v1/[^` ]+)", text):
        assert method.lower() in API.get(path, {}), path


def test_every_queue_exists(text):
    for queue in re.findall(r"--(?:queue|to) ([a-z]+[.][a-z]+)", text):
        assert queue in QUEUES


def test_every_page_that_is_named_exists(text):
    for name in re.findall(r"\]\(([a-z-]+\.md)\)", text):
        assert (ROOT / "docs" / "operations" / "runbooks" / name).exists()
