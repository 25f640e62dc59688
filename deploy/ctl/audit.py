"""
The audit log of what operators do to messages: the stream `ovation.audit` on the broker.

Each act is two lines: its beginning, and its result. The broker confirms the first before the act
begins, so no act is without a line. Only `ovationctl` may write the stream, and reading removes
nothing from it. The operator's name in a line is what the terminal says: not verified.
"""

import getpass
import json
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import DeliveryError

from deploy.ctl.installation import Installation
from shared.messaging.delivery import OPERATOR_USER
from shared.messaging.log import read_log
from shared.messaging.topology import AUDIT_STREAM, AUDITOR_USER

NAMED_MAX = 100
Facts = dict[str, object]


class NotRecorded(ConnectionError):
    """The broker did not take the line about an act, so the act was not begun."""


@asynccontextmanager
async def recorded(installation: Installation, act: str, **facts: object) -> AsyncIterator[Facts]:
    """Record an act around its work; its last line has what the work puts into the result."""
    result: Facts = {}
    async with installation.connect() as connection:
        await _write(connection, act, "begun", facts)
        try:
            yield result
        except BaseException as error:
            await _write(connection, act, "failed", {**facts, **result, "error": repr(error)[:300]})
            raise
        await _write(connection, act, "done", {**facts, **result})


async def noted(installation: Installation, act: str, **facts: object) -> None:
    """Record an act that is done: one that had to come before the stream exists."""
    async with installation.connect() as connection:
        await _write(connection, act, "done", facts)


async def lines(installation: Installation) -> AsyncIterator[Mapping[str, object]]:
    """Yield every line from the beginning; read as the auditor."""
    async with installation.connect(AUDITOR_USER) as connection:
        async for message in read_log(connection, AUDIT_STREAM, start="first"):
            if message.user_id == OPERATOR_USER:
                yield message.envelope


async def _write(
    connection: AbstractConnection, act: str, state: str, facts: Mapping[str, object]
) -> None:
    line = {
        "at": datetime.now(UTC),
        "act": act,
        "state": state,
        "operator": _operator(),
        "host": socket.gethostname(),
        **{name: _bounded(value) for name, value in facts.items()},
    }
    message = aio_pika.Message(
        json.dumps(line, default=str).encode(),
        user_id=OPERATOR_USER,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    try:
        await channel.default_exchange.publish(message, routing_key=AUDIT_STREAM)
    except DeliveryError as error:
        raise NotRecorded(f"{AUDIT_STREAM} takes no line: `topology apply` makes it") from error
    finally:
        await channel.close()


def _operator() -> str:
    """Return who the terminal says it is: a name to ask, not a proof."""
    if named := os.environ.get("OVATIONCTL_OPERATOR") or os.environ.get("SUDO_USER"):
        return named[:64]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container the user may have a number and no name.
        return f"uid {os.getuid()}"


def _bounded(value: object) -> object:
    """Keep the first of a long list; a count beside it has the full number."""
    return value[:NAMED_MAX] if isinstance(value, list) else value
