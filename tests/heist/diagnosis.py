"""What a system is doing that does not come to an end: processes, statements, messages."""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import asyncpg

from deploy.config.databases import in_own_thread
from shared.messaging.topology import VHOST
from tests.heist.stage import FastSystem

ANSWER_SECONDS_MAX = 5.0
LOG_CHARACTERS_MAX = 300
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Of /proc/<pid>/stat, behind the name: the state, and processor time in ticks.
_STATE, _USER_TICKS, _SYSTEM_TICKS = 0, 11, 12
# Who does not wait for its client, and whom it waits for.
_SESSIONS = """
    SELECT pid, datname, state, wait_event_type, wait_event, pg_blocking_pids(pid) AS blocked_by,
           extract(epoch FROM clock_timestamp() - state_change)::int AS seconds,
           left(regexp_replace(query, '\\s+', ' ', 'g'), 120) AS query
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'
    ORDER BY state_change
"""


def describe(system: FastSystem) -> str:
    """Say what every process does and waits for; what does not answer is said to be silent."""
    parts: tuple[Callable[[], Iterable[str]], ...] = (
        lambda: _processes(system),
        lambda: in_own_thread(lambda: asyncio.run(_databases(system))),
        lambda: _queues(system),
    )
    return "\n".join(line for part in parts for line in _answer(part))


def _answer(part: Callable[[], Iterable[str]]) -> Iterator[str]:
    try:
        yield from part()
    except Exception as error:  # noqa: BLE001 - the rest is worth reading whatever is broken
        yield f"no answer: {error!r}"


def _processes(system: FastSystem) -> Iterator[str]:
    yield "Processes: state, seconds of the processor, where in the kernel; the last of the log"
    for name in system.names:
        if not system.is_running(name):
            yield f"  {name} is not running: {system.log_of(name)[-LOG_CHARACTERS_MAX:]}"
            continue
        folder = Path(f"/proc/{system.pid_of(name)}")
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])
        place = (folder / "wchan").read_text()
        last = system.log_of(name).splitlines()[-1:]
        said = "".join(last)[:LOG_CHARACTERS_MAX]
        yield f"  {name}: {fields[_STATE]}, {ticks / _TICKS_PER_SECOND:.1f} s, {place}; {said}"


async def _databases(system: FastSystem) -> list[str]:
    # Not a service's own: their clocks have jumped.
    sessions = await _fetch(system.postgres.dsn(), _SESSIONS)
    unfinished = [
        f"  {name}: {(await _fetch(system.postgres.dsn(name), query))[0][0]}"
        for name, query in system.unfinished().items()
    ]
    return [
        "What services still have to do: rows",
        *unfinished,
        f"Open transactions ({len(sessions)}): what they wait for, and since when",
        *(f"  {dict(session)}" for session in sessions),
    ]


async def _fetch(dsn: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(
        dsn, timeout=ANSWER_SECONDS_MAX, command_timeout=ANSWER_SECONDS_MAX
    )
    try:
        return list(await connection.fetch(query))
    finally:
        connection.terminate()


def _queues(system: FastSystem) -> Iterator[str]:
    yield "Queues with messages: ready, unacknowledged, consumers"
    columns = "name,messages_ready,messages_unacknowledged,consumers"
    path = f"/api/queues/{quote(VHOST, safe='')}?columns={columns}"
    for queue in system.rabbit.manage("GET", path):
        ready, taken = queue.get("messages_ready", 0), queue.get("messages_unacknowledged", 0)
        if ready or taken:
            yield f"  {queue['name']}: {ready}, {taken}, {queue.get('consumers', 0)}"
