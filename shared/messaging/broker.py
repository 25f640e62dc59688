"""
The connection to RabbitMQ, and what happens when it breaks: tear down, wait, build again.

We use plain connections and one supervisor, not aio-pika's robust ones: a robust channel whose
queue was taken without a declare is never restored, and looks healthy for ever.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection

from shared.telemetry import BROKER_RECONNECTS

log = structlog.get_logger()

CONNECT_SECONDS_MAX = 5
# A dead peer is noticed after about three heartbeats; the default of 60 s would take minutes.
PORTS = {"amqp": 5672, "amqps": 5671}
HEARTBEAT_SECONDS = 10
BACK_OFF_SECONDS_MIN = 0.2
BACK_OFF_SECONDS_MAX = 5.0
CLOSE_SECONDS_MAX = 2


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a service finds the broker, and as whom: `amqp://wallet@host:port/ovation`."""

    url: str
    password: str
    service: str

    @property
    def user(self) -> str:
        return urlsplit(self.url).username or ""

    async def connect(self, role: str) -> AbstractConnection:
        """Open a connection of its own for one role, named so that an operator can tell."""
        parts = urlsplit(self.url)
        secret = f"{quote(self.user)}:{quote(self.password, safe='')}"
        address = f"{secret}@{parts.hostname}:{parts.port or PORTS[parts.scheme]}"
        # Kept, what the address asks of the connection: `cafile`, for a broker behind TLS.
        asked = "&".join(filter(None, (parts.query, f"heartbeat={HEARTBEAT_SECONDS}")))
        url = urlunsplit((parts.scheme, address, parts.path, asked, ""))
        return await aio_pika.connect(
            url,
            timeout=CONNECT_SECONDS_MAX,
            client_properties={"connection_name": f"{self.service}.{role}"},
        )


async def close_quietly(resource: AbstractConnection | None) -> None:
    """Close what may be broken already; nobody waits for a dead peer."""
    if resource is None:
        return
    try:
        await asyncio.wait_for(resource.close(), CLOSE_SECONDS_MAX)
    except Exception as error:  # noqa: BLE001 - it is being thrown away
        log.debug("connection.close_failed", error=repr(error))


async def supervise(
    role: str, session: Callable[[], Awaitable[None]], stopping: asyncio.Event
) -> None:
    """Run a session again and again, further apart while it keeps failing, until we stop."""
    delay_seconds = BACK_OFF_SECONDS_MIN
    loop = asyncio.get_running_loop()
    while not stopping.is_set():
        started = loop.time()
        try:
            await session()
        except Exception as error:  # noqa: BLE001 - any fault has the same answer: start afresh
            log.warning("session.failed", role=role, error=repr(error))
            BROKER_RECONNECTS.labels(role).inc()
        if loop.time() - started > BACK_OFF_SECONDS_MAX:
            delay_seconds = BACK_OFF_SECONDS_MIN
        if not stopping.is_set():
            # Jitter, or every service would knock again at the same moment.
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
