"""The wheel works where nothing else of Ovation is, and its README's program does as it says."""

import json
import os
import subprocess
import tomllib
import zipfile

from deploy.config.databases import fetch, in_own_thread, run_sql
from tests.teams.gifts import a_gift
from tests.teams.installed import (
    ROOT,
    environment_with,
    printed_program,
    printed_table,
    runs_until,
)

WITH_PYDANTIC_ALONE = """
import importlib, json, pkgutil, sys
import ovation.contracts
for module in pkgutil.walk_packages(ovation.contracts.__path__, "ovation.contracts."):
    importlib.import_module(module.name)
from ovation.contracts.envelope import Cause, Envelope, encode
from ovation.contracts.gift import GiftSent
event = GiftSent.model_validate_json(sys.argv[1])
from datetime import datetime, timezone
body = encode(event, sequence=1, occurred_at=datetime.now(timezone.utc), cause=Cause("story"))
back = Envelope[GiftSent].model_validate_json(body)
assert back.data == event
foreign = {"aio_pika", "asyncpg", "fastapi", "sqlalchemy", "structlog", "shared", "services"}
print(json.dumps({"id": str(back.id), "foreign": sorted(foreign & set(sys.modules))}))
"""


def run(python, program, *arguments):
    command = [python, "-I", "-c", program, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_contracts_need_pydantic_and_nothing_else(wheel, tmp_path):
    python = environment_with(tmp_path / "bare", wheel)
    gift = a_gift()

    found = json.loads(run(python, WITH_PYDANTIC_ALONE, gift.model_dump_json()))

    # The same id as ours: it follows from the fact, wherever it is computed.
    assert found == {"id": str(gift.id), "foreign": []}


def test_everything_the_contracts_consist_of_is_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())

    for package in ("contracts", "kit"):
        folder = ROOT / "shared" / package
        files = [path for path in folder.rglob("*") if path.is_file()]
        wanted = {
            f"ovation/{package}/{path.relative_to(folder)}"
            for path in files
            if "__pycache__" not in path.parts
        }
        assert wanted <= names
    assert "ovation/py.typed" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("shared")]


def test_the_wheel_has_the_version_of_the_system(wheel):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert wheel.name.startswith(f"ovation_events-{version}-")


def test_the_program_of_the_readme_is_short():
    lines = [line for line in printed_program().splitlines() if line.strip()]

    assert len(lines) <= 30


async def test_the_program_of_the_readme_runs_as_it_is_printed(
    python_with_kit, tmp_path, team, say, own_database, rabbit, vhost
):
    given = team("--reads", "gift.sent", name="charts")
    database = own_database()
    run_sql(database, [printed_table()])
    program = tmp_path / "top_gifters.py"
    program.write_text(printed_program())
    twice = a_gift(viewer="mira", coins=5)
    await say(a_gift(viewer="mira", coins=10), twice, twice, a_gift(viewer="ben", coins=7))
    await say(a_gift(room=None))
    broker = rabbit.url(vhost, user=given["user"], password=given["password"])

    def gifters():
        query = "SELECT room, viewer, coins FROM gifters ORDER BY coins DESC"
        return [tuple(row) for row in fetch(database, query)]

    environment = {"PATH": os.environ["PATH"], "BROKER": broker, "DATABASE": database}
    wanted = [("room-1", "mira", 15), ("room-1", "ben", 7)]
    in_own_thread(
        lambda: runs_until(
            [python_with_kit, "-I", program], environment, lambda: gifters() == wanted
        )
    )
