"""Servers of our own: killed without warning, they come back with what they had confirmed."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import aio_pika
import asyncpg
import pytest

from deploy.harness.ports import listens
from deploy.harness.postgres import LocalPostgres
from deploy.harness.rabbitmq import into_vhost
from deploy.harness.servers import ExternalPostgres, ExternalRabbit, choose_postgres, choose_rabbit
from shared.messaging.topology import topology


async def test_a_killed_postgresql_comes_back_with_its_rows():
    with LocalPostgres(fast=True) as server:
        await _execute(server.dsn(), "CREATE TABLE kept AS SELECT 42 AS answer")

        server.kill()
        assert not listens(server.port)
        server.start()

        assert await _fetch_value(server.dsn(), "SELECT answer FROM kept") == 42
        server.stop()
        server.start()
        assert await _fetch_value(server.dsn(), "SELECT answer FROM kept") == 42


async def test_a_killed_rabbitmq_comes_back_with_confirmed_messages(rabbit, vhost):
    url = rabbit.url(vhost)
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("ovation.events.gift")
        await exchange.publish(_durable(b"kept"), routing_key="gift.requested")

    rabbit.kill()
    assert not listens(rabbit.port)
    rabbit.start()

    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue("wallet.gifts", ensure=False)
        message = await queue.get(timeout=60)
        assert message.body == b"kept"
        await message.ack()


def test_what_we_started_ends_with_us_even_if_we_are_killed():
    program = """
        import signal
        from deploy.harness.postgres import LocalPostgres

        server = LocalPostgres(fast=True)
        server.start()
        print(server.port, server._folder, flush=True)
        signal.pause()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        port, folder = child.stdout.readline().split()
        assert listens(int(port))

        child.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 60
    while (listens(int(port)) or Path(folder).exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not listens(int(port))
    assert not Path(folder).exists()


def test_external_servers_are_used_as_they_are(monkeypatch):
    monkeypatch.setenv(
        "OVATION_SERVERS",
        "postgresql://me:p%40ss@db.example:5433 amqp://us:pw@mq.example?management=http://mq:15",
    )

    postgres, rabbit = choose_postgres(), choose_rabbit()

    assert isinstance(postgres, ExternalPostgres)
    assert postgres.dsn("wallet") == "postgresql://me:p%40ss@db.example:5433/wallet"
    assert isinstance(rabbit, ExternalRabbit)
    assert (rabbit.host, rabbit.port, rabbit.management_url) == ("mq.example", 5672, "http://mq:15")


def test_external_servers_are_not_stopped(monkeypatch):
    monkeypatch.setenv("OVATION_SERVERS", "postgresql://a:b@db amqp://a:b@mq")

    with pytest.raises(RuntimeError, match="not ours"):
        choose_postgres().kill()
    with pytest.raises(RuntimeError, match="not ours"):
        choose_rabbit().kill()


def test_a_wish_we_do_not_understand_is_explained(monkeypatch):
    monkeypatch.setenv("OVATION_SERVERS", "postgresql://only-one")

    with pytest.raises(RuntimeError, match="two addresses"):
        choose_postgres()


def test_an_image_of_your_own_is_asked_for_by_its_name():
    """In another process: the name is read once, when containers are first thought of."""
    program = """
        from deploy.harness.servers import choose_postgres, choose_rabbit

        for choose in (choose_postgres, choose_rabbit):
            try:
                choose()
            except RuntimeError as missing:
                print(missing)
    """
    images = {"POSTGRES_IMAGE": "our.own/postgres:1", "RABBITMQ_IMAGE": "our.own/rabbitmq:1"}
    # An address where no engine is: nothing is pulled.
    nowhere = {"DOCKER_HOST": "tcp://127.0.0.1:9", "OVATION_SERVERS": "docker"}
    asked = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, **images, **nowhere},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "our.own/postgres:1" in asked.stdout
    assert "our.own/rabbitmq:1" in asked.stdout


def test_a_topology_moves_to_another_vhost_whole():
    moved = into_vhost(topology(), "elsewhere")

    assert moved["vhosts"] == [{"name": "elsewhere"}]
    vhosts = {entry["vhost"] for name in moved for entry in moved[name] if name != "vhosts"}
    assert vhosts == {"elsewhere"}


def _durable(body: bytes) -> aio_pika.Message:
    return aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


async def _fetch_value(dsn: str, query: str) -> Any:
    connection = await asyncpg.connect(dsn)
    value = await connection.fetchval(query)
    await connection.close()
    return value
