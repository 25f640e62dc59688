"""Other teams: made by an operator at a terminal, and what they then may do at the broker."""

import json
import secrets as random
from contextlib import asynccontextmanager

import aio_pika
import pytest

from tests.terminal import a_terminal

EVERYTHING = ("--reads", "gift", "--reads", "wallet.gift_paid,payout.paid")


@pytest.fixture
def ctl(monkeypatch, vhost, postgres, rabbit, credentials):
    """Run a command against this test's own vhost."""
    return a_terminal(
        monkeypatch, postgres=postgres, rabbit=rabbit, vhost=vhost, secrets=credentials
    )


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
    """Announce something as the service that may."""

    async def send(*bodies, service="gift", name="gift.sent"):
        url = rabbit.url(vhost, user=service, password=credentials.broker[service])
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel(on_return_raises=True)
            exchange = await channel.get_exchange("ovation.events", ensure=False)
            for body in bodies:
                await exchange.publish(aio_pika.Message(body, user_id=service), routing_key=name)

    return send
