"""Programs of the generated clients on the running system, with tokens as Keycloak writes them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.clients import python_sources, typescript_sources
from deploy.clients.document import read_document
from deploy.harness.system import System
from tests.journeys.keycloak import keycloak
from tests.journeys.people import eventually

EXAMPLES = Path(__file__).parent.parent.parent / "deploy" / "examples" / "client"
LINES_MAX = 30
# Newer names exist, which no provider uses yet.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
SERVICES = ("purchase", "wallet", "gift", "live")


@pytest.fixture(scope="module")
def realm():
    with keycloak() as started:
        yield started


@pytest.fixture(scope="module")
def own_system(realm):
    programs = ("sandbox", *SERVICES)
    with System(fast=True, programs=programs, additions=realm.settings(SERVICES)) as running:
        yield running


@pytest.fixture
def environment(own_system, realm):
    """What a program is told: a viewer's token, and who is live in which room."""
    creator, viewer, room = (f"{name}-{uuid4().hex[:6]}" for name in ("lea", "mira", "room"))
    with httpx.Client(
        base_url=own_system.gateway_url,
        headers={"Authorization": f"Bearer {realm.token(creator, 'creator')}"},
    ) as client:
        assert client.put(f"/v1/rooms/{room}/stream", json={}).status_code == 200
        # Gifts know of the room as soon as the event of its opening came.
        eventually(lambda: client.get(f"/v1/rooms/{room}").json()["live"])
    return {
        "PATH": os.environ["PATH"],
        "OVATION_URL": own_system.gateway_url,
        "TOKEN": realm.token(viewer),
        "VIEWER": viewer,
        "CREATOR": creator,
        "ROOM": room,
    }


@pytest.fixture
def python_program(tmp_path):
    """A program with the generated Python client beside it."""
    python_sources.write(read_document(), tmp_path / "client")
    return [sys.executable, EXAMPLES / "buy_and_gift.py"], {"PYTHONPATH": tmp_path / "client"}


@pytest.fixture
def typescript_program(tmp_path):
    """A program that was compiled against the generated TypeScript client, strictly."""
    if not shutil.which("npm"):
        pytest.skip("NODE IS MISSING: the TypeScript client was not run")
    client = typescript_sources.compile_package(read_document())
    packages = tmp_path / "node_modules" / "@ovation"
    packages.mkdir(parents=True)
    (packages / "client").symlink_to(client)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    program = Path(shutil.copy(EXAMPLES / "buy_and_gift.ts", tmp_path))
    options = ("--strict", "--target", "es2022", "--module", "nodenext", "--types", "node")
    roots = ("--typeRoots", client / "node_modules" / "@types")
    typescript_sources.run_own("tsc", program, *options, *roots)
    return ["node", program.with_suffix(".js")], {}


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_a_program_of_thirty_lines_buys_gives_and_hears_of_it(language, request):
    command, more = request.getfixturevalue(f"{language}_program")
    environment = request.getfixturevalue("environment")

    run = subprocess.run(
        command,
        env={**environment, **more},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout == f"{environment['VIEWER']} sent Sky Orchestra, 2500 coins\n"
    assert not run.stderr


@pytest.mark.parametrize("program", sorted(EXAMPLES.glob("buy_and_gift.*")))
def test_the_programs_stay_short(program):
    lines = [line for line in program.read_text().splitlines() if line.strip()]

    assert len(lines) < LINES_MAX
