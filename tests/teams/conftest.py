"""Other teams: made by an operator at a terminal, and what they then may do at the broker."""

import json
import secrets as random
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aio_pika
import pytest

from deploy.config.databases import in_own_thread, quoted, run_sql
from shared.contracts.envelope import Cause, encode
from tests.teams.installed import build_wheel, environment_with
from tests.terminal import a_terminal


@pytest.fixture
def ctl(monkeypatch, vhost, postgres, rabbit, credentials):
    """Run a command against this test's own vhost, beside the test's own event loop."""
    run = a_terminal(
        monkeypatch, postgres=postgres, rabbit=rabbit, vhost=vhost, secrets=credentials
    )
    return lambda *arguments: in_own_thread(lambda: run(*arguments))


@pytest.fixture
def team(ctl):
    """Give a team what the options say; return what was printed. They are removed afterwards."""
    made = []

    def add(*options, name=None):
        name = name or f"t{random.token_hex(4)}"
        code, printed = ctl("team", "add", name, *options, "--yes", "--json")
        assert code == 0, printed
        made.append(name)
        return {"name": name, **json.loads(printed)}

    yield add
    for name in set(made):
        ctl("team", "rm", name, "--yes")


@pytest.fixture
def as_team(rabbit, vhost):
    """Open a channel as a team's own user."""

    @asynccontextmanager
    async def channel(given):
        url = rabbit.url(vhost, user=given["user"], password=given["password"])
        async with await aio_pika.connect(url) as connection:
            yield await connection.channel(on_return_raises=True)

    return channel


@pytest.fixture
def publish(rabbit, vhost, credentials):
    """Announce something as a service that may; whatever it is."""

    async def send(*bodies, service="gift", name="gift.sent", **properties):
        url = rabbit.url(vhost, user=service, password=credentials.broker[service])
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel(on_return_raises=True)
            exchange = await channel.get_exchange(f"ovation.events.{service}", ensure=False)
            for body in bodies:
                message = aio_pika.Message(body, user_id=service, **properties)
                await exchange.publish(message, routing_key=name)

    return send


@pytest.fixture
def say(publish):
    """Announce facts as their owners do."""

    async def send(*events):
        for event in events:
            cause, now = Cause("story"), datetime.now(UTC)
            await publish(
                encode(event, sequence=1, occurred_at=now, cause=cause),
                service=event.owner(),
                name=event.name,
                type=event.type(),
                message_id=str(event.id),
            )

    return send


@pytest.fixture
def own_database(postgres):
    """Make an empty database of the team's own; return its address."""
    made = []

    def create():
        made.append(f"team_{random.token_hex(4)}")
        run_sql(postgres.dsn(), [f"CREATE DATABASE {quoted(made[-1])}"])
        return postgres.dsn(made[-1])

    yield create
    run_sql(postgres.dsn(), [f"DROP DATABASE {quoted(name)} WITH (FORCE)" for name in made])


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """What `make wheel` builds."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def python_with_kit(wheel, tmp_path_factory):
    """A Python that has the wheel with the kit, and nothing else of Ovation."""
    return environment_with(tmp_path_factory.mktemp("kit") / "venv", f"{wheel}[kit]")
