"""The consumers in Python, in plain pika and in Node keep the same gifts: all, once, unchanged."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import contextmanager

import pytest

from deploy.config.databases import fetch, in_own_thread
from tests.journeys.people import eventually, stage_on
from tests.teams.installed import ROOT

EXAMPLES = ROOT / "deploy" / "examples"
GIFTS = "SELECT id::text, data::text FROM gifts"
INSTALL_SECONDS_MAX = 180


@pytest.fixture
def vhost(system):
    """The teams of this test are in the running system, beside its services."""
    return "journeys"


@pytest.fixture
def stage(system):
    with stage_on(system) as stage:
        yield stage


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """Install the Node example's packages; return the program."""
    if shutil.which("npm") is None:
        reason = "NODE IS MISSING: the consumer in Node was not tried. apt install nodejs npm"
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("node") / "example"
    shutil.copytree(EXAMPLES / "node", folder, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stderr
    return folder / "keep_gifts.js"


class Kept:
    """A consumer program, its queue, and what it has kept."""

    def __init__(self, command, broker, queue, database):
        self.command = command
        self.database = database
        self.environment = {
            "PATH": os.environ["PATH"],
            "BROKER": broker,
            "QUEUE": queue,
            "DATABASE": str(database),
        }

    def gifts(self):
        """Return the data of what was kept, by id."""
        if str(self.database).startswith("postgresql:"):
            rows = fetch(self.database, GIFTS)
        else:
            with sqlite3.connect(self.database, timeout=10) as connection:
                rows = connection.execute("SELECT id, data FROM gifts").fetchall()
        return {row[0]: json.loads(row[1]) for row in rows}


@contextmanager
def listening(consumers):
    """Run all of them; at the end they are killed without warning."""
    processes = [
        subprocess.Popen(each.command, env=each.environment, start_new_session=True)
        for each in consumers
    ]
    try:
        yield
        assert [process.poll() for process in processes] == [None] * len(consumers)
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.fixture
def consumers(team, rabbit, vhost, own_database, node, python_with_kit, tmp_path):
    def consumer(name, command, database):
        given = team("--reads", "gift.sent", "--bind", "gift.sent", name=name)
        broker = rabbit.url(vhost, user=given["user"], password=given["password"])
        return Kept(command, broker, given["queue"], database)

    pika = [sys.executable, "-I", EXAMPLES / "pika" / "keep_gifts.py"]
    kit = [python_with_kit, "-I", EXAMPLES / "kit" / "keep_gifts.py"]
    return [
        consumer("kit", kit, own_database()),
        consumer("pika", pika, tmp_path / "gifts.sqlite"),
        consumer("node", ["node", node], own_database()),
    ]


async def test_three_consumers_keep_the_same_gifts(consumers, stage, ctl, publish, taken_in_vain):
    mira, room = stage.person("mira", country="DE"), "three-consumers"
    stage.buy(mira, "coins_5000")

    def give(count):
        return {stage.give(mira, "lea", room=room).json()["gift"] for _ in range(count)}

    def published(gifts):
        _, lines = ctl("events", "tail", "--no-follow", "--event", "gift.sent", "--json")
        told = [(json.loads(line), line.encode()) for line in lines.splitlines()]
        return [(event, line) for event, line in told if event["subject"] in gifts]

    def all_kept(gifts):
        return all({data["gift"] for data in each.gifts().values()} == gifts for each in consumers)

    gifts = give(20)
    with listening(consumers):
        in_own_thread(lambda: eventually(lambda: all_kept_soon(all_kept, gifts)))
        # Whatever was said is said again, under the ids it had.
        for event, line in in_own_thread(lambda: published(gifts)):
            await publish(line, type=event["type"], message_id=event["id"])
        gifts |= in_own_thread(lambda: give(5))
        in_own_thread(lambda: eventually(lambda: all_kept(gifts)))

    # They were killed. What comes meanwhile is taken once by somebody who then dies, too.
    gifts |= in_own_thread(lambda: give(10))
    for each in consumers:
        await taken_in_vain(each.environment["QUEUE"])
    with listening(consumers):
        in_own_thread(lambda: eventually(lambda: all_kept(gifts)))

    told = {event["id"]: event["data"] for event, _ in in_own_thread(lambda: published(gifts))}
    assert len(told) == len(gifts) == 35
    for each in consumers:
        assert each.gifts() == told


def all_kept_soon(all_kept, gifts):
    """Until a consumer has made its table, there is none."""
    try:
        return all_kept(gifts)
    except Exception:  # noqa: BLE001 - the drivers have no common error
        return False


@pytest.fixture
def taken_in_vain(as_team, credentials):
    """Take messages of a queue and die before acknowledging them."""

    async def take(queue_name):
        operator = {"user": "ovationctl", "password": credentials.broker["ovationctl"]}
        async with as_team(operator) as channel:
            queue = await channel.get_queue(queue_name, ensure=False)
            for _ in range(3):
                assert await queue.get(fail=False) is not None

    return take
