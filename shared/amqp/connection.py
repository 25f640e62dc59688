"""
The connection to RabbitMQ, and what happens when it breaks: tear down, wait, build again.

We use plain connections and one supervisor, not aio-pika's robust ones: a robust channel whose
queue was taken without a declare is never restored, and looks healthy for ever.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

import aio_pika
from aio_pika.abc import AbstractConnection
from aiormq.exceptions import AMQPError

from .transport import Connection
from .wire import install_tolerant_decoders

log = logging.getLogger(__name__)

CONNECT_SECONDS_MAX = 5
# A dead peer is noticed after about three heartbeats; the default of 60 s would take minutes.
HEARTBEAT_SECONDS = 10
BACK_OFF_SECONDS_MIN = 0.2
# A server that is away for half a minute, in a failover, is found again soon after.
BACK_OFF_SECONDS_MAX = 2.0
CLOSE_SECONDS_MAX = 2


async def connect(url: str, name: str, *, heartbeat_seconds: int = HEARTBEAT_SECONDS) -> Connection:
    """
    Open a connection for one role; its name shows the role to operators.

    An address may name several nodes of a cluster, `amqp://user@mq-1,mq-2:5673,mq-3/vhost`: they
    are tried in random order, so connections spread, and a silent node delays few of them.
    The broker closes a connection that is silent for two to three heartbeats.
    """
    install_tolerant_decoders()
    parts = urlsplit(url)
    user, at, nodes = parts.netloc.rpartition("@")
    options = "&".join(filter(None, [parts.query, f"heartbeat={heartbeat_seconds}"]))
    *before, last = (
        urlunsplit((parts.scheme, f"{user}{at}{node}", parts.path, options, ""))
        for node in _shuffled(nodes.split(","))
    )
    for each in before:
        with suppress(AMQPError, OSError):
            return await _open(each, name)
    return await _open(last, name)


async def _open(url: str, name: str) -> Connection:
    return await aio_pika.connect(
        url,
        timeout=CONNECT_SECONDS_MAX,
        client_properties={"connection_name": name},
        connection_class=Connection,
    )


def _shuffled(nodes: list[str]) -> list[str]:
    return random.sample(nodes, len(nodes))


async def close_quietly(resource: AbstractConnection | None) -> None:
    """Close a connection that may be broken already, without waiting long for a dead peer."""
    if resource is None:
        return
    try:
        await asyncio.wait_for(resource.close(), CLOSE_SECONDS_MAX)
    except Exception as error:  # noqa: BLE001 - it is being thrown away
        log.debug("connection.close_failed %r", error)


async def run_forever(
    session: Callable[[], Awaitable[None]],
    stopping: asyncio.Event,
    *,
    failed: Callable[[Exception], None],
) -> None:
    """Run a session again and again, further apart while it keeps failing, until we stop."""
    delay_seconds = BACK_OFF_SECONDS_MIN
    loop = asyncio.get_running_loop()
    while not stopping.is_set():
        started = loop.time()
        try:
            await session()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # A connection that is stuck cancels what waits for its answers, and not us.
            failed(ConnectionError("the connection cancelled what waited for it"))
        except Exception as error:  # noqa: BLE001 - any fault has the same answer: start afresh
            failed(error)
        if loop.time() - started > BACK_OFF_SECONDS_MAX:
            delay_seconds = BACK_OFF_SECONDS_MIN
        if not stopping.is_set():
            # Jitter, or all consumers would connect again at the same time.
            await pause(delay_seconds * (0.5 + random.random()), stopping)  # noqa: S311
            delay_seconds = min(delay_seconds * 2, BACK_OFF_SECONDS_MAX)


async def pause(seconds: float, stopping: asyncio.Event) -> None:
    """Sleep, but wake at once when we stop."""
    if seconds <= 0:
        return
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
