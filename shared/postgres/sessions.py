"""
A session at the first host that fits; both of its ends notice that the other has vanished.

We try hosts one by one: asyncpg has one timeout for all of them, and a silent host would use it up.
"""

import socket
from contextlib import suppress
from typing import Any

import asyncpg

from shared.postgres.addresses import host_addresses
from shared.postgres.errors import is_unavailable
from shared.secrets import attempts_with

# By default; a service waits less.
CONNECT_SECONDS_MAX = 60
# A machine or a network that is dead for so long is given up, by either side.
SILENCE_SECONDS_MAX = 20
KEEPALIVES = {
    socket.TCP_KEEPIDLE: 5,
    socket.TCP_KEEPINTVL: 5,
    socket.TCP_KEEPCNT: 3,
    # Keepalives are for an idle connection; this is for one with data in flight.
    socket.TCP_USER_TIMEOUT: SILENCE_SECONDS_MAX * 1_000,
}


class Session(asyncpg.Connection):
    """A session that ends when nothing is heard of its server's machine."""

    def __init__(self, protocol: Any, transport: Any, *others: Any) -> None:
        super().__init__(protocol, transport, *others)
        opened = transport.get_extra_info("socket")
        if opened.family != socket.AF_UNIX:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in KEEPALIVES.items():
                opened.setsockopt(socket.IPPROTO_TCP, option, value)


class Hosts:
    """
    The hosts of one address; the one that had the last session is asked first.

    `password` may have two lines, of a secret that is being replaced; without one, the address
    has it.
    """

    def __init__(self, address: str, *, password: str | None = None) -> None:
        self._addresses = host_addresses(address)
        self._passwords = [None] if password is None else list(attempts_with(password))

    async def connect(self, **options: Any) -> asyncpg.Connection:
        """
        Open a session with the newest password, or with the one before.

        `options` are asyncpg's; `timeout` is for all hosts together.
        """
        *others, last = self._passwords
        for password in others:
            with suppress(asyncpg.InvalidPasswordError):
                return await self._connect(password=password, **options)
        return await self._connect(password=last, **options)

    async def _connect(self, **options: Any) -> asyncpg.Connection:
        options = {"connection_class": Session, "timeout": CONNECT_SECONDS_MAX, **options}
        options["timeout"] /= len(self._addresses)
        *others, last = self._addresses
        for address in others:
            try:
                connection = await asyncpg.connect(address, **options)
            except asyncpg.InvalidAuthorizationSpecificationError:
                raise
            except Exception as error:
                if not is_unavailable(error):
                    raise
            else:
                return self._prefer(address, connection)
        return self._prefer(last, await asyncpg.connect(last, **options))

    def _prefer(self, address: str, connection: asyncpg.Connection) -> asyncpg.Connection:
        # Stable: the others keep their order.
        self._addresses.sort(key=lambda each: each != address)
        return connection
