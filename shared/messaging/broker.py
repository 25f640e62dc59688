"""Where a service finds the broker, and what it logs when a session breaks."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import structlog
from aiormq.exceptions import AuthenticationError, ProbableAuthenticationError

from shared.amqp.connection import (
    HEARTBEAT_SECONDS,
    close_quietly,
    connect,
    pause,
    run_forever,
)
from shared.amqp.transport import Connection
from shared.observability.metrics import BROKER_RECONNECTS
from shared.secrets import attempts_with

__all__ = ["Broker", "close_quietly", "pause", "supervise"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Broker:
    """
    Where a service finds the broker, and as whom: `amqp://wallet@host:port/ovation`.

    Of a cluster every node may be named, with commas between them.
    """

    url: str
    password: str
    service: str

    @property
    def user(self) -> str:
        return urlsplit(self.url).username or ""

    async def connect(self, role: str, *, heartbeat_seconds: int = HEARTBEAT_SECONDS) -> Connection:
        """Open a connection for one role; its name shows service and role to operators."""
        *others, last = attempts_with(self.password)
        for password in others:
            with suppress(AuthenticationError, ProbableAuthenticationError):
                return await self._connect(role, password, heartbeat_seconds)
        return await self._connect(role, last, heartbeat_seconds)

    async def _connect(self, role: str, password: str, heartbeat_seconds: int) -> Connection:
        parts = urlsplit(self.url)
        secret = f"{quote(self.user)}:{quote(password, safe='')}"
        address = f"{secret}@{parts.netloc.rpartition('@')[2]}"
        # The query stays: options of the connection, such as `cafile` for a broker behind TLS.
        url = urlunsplit((parts.scheme, address, parts.path, parts.query, ""))
        return await connect(url, f"{self.service}.{role}", heartbeat_seconds=heartbeat_seconds)


async def supervise(
    role: str, session: Callable[[], Awaitable[None]], stopping: asyncio.Event
) -> None:
    """Run a session again and again, further apart while it keeps failing, until we stop."""

    def failed(error: Exception) -> None:
        log.warning("session.failed", role=role, error=repr(error))
        BROKER_RECONNECTS.labels(role).inc()

    await run_forever(session, stopping, failed=failed)
