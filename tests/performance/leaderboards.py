"""Who gave most, on top of a million gifts, against a look at one row by its key."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from urllib.parse import urlsplit

from deploy.config.databases import run_sql
from deploy.harness.system import System
from services.live.commands.queries import read_leaderboard
from services.live.domain.leaderboards import TOP_GIFTERS, Period
from services.live.store.gifters import read_own_level
from shared.postgres.database import Database, Transaction
from tests.performance.benches import tune
from tests.performance.gifts import answer
from tests.performance.million_gifts import CROWDED, GIFTS, gifter, statements
from tests.performance.results import Result

ROUNDS = 1_000
HTTP_ROUNDS = 500
# Each caller is somewhere else: most are far behind those that are ranked.
CALLERS = 20
PERIODS = (Period.ALL, Period.DAY)
KEY = "a gifter by key"

Look = Callable[[], Awaitable[object]]


async def leaderboards_of_old_rooms(system: System) -> list[Result]:
    """Fill live's database, then ask for the standing of its most crowded room."""
    # The day of the gifts, should a new one begin before they have been looked at.
    today, started = datetime.now(UTC), time.perf_counter()
    run_sql(system.postgres.dsn("live"), statements())
    print(f"  filled in {time.perf_counter() - started:.0f} s", flush=True)
    tune()
    callers = [gifter(number) for number in range(CALLERS)]
    database = Database(
        system.postgres.dsn("live", user="live", password=system.secrets.database["live"]),
        pool_size=1,
    )
    try:
        async with database.transaction() as tx:
            by_statements = await _by_statements(tx, callers, today)
    finally:
        await database.close()
    return [
        *_results("SQL", by_statements),
        *_results("over HTTP", await _over_http(system, callers)),
    ]


def _results(how: str, measured: Mapping[str, list[float]]) -> list[Result]:
    key = Result(f"{KEY}, {how}, p50", round(statistics.median(measured[KEY]), 3), "ms")
    results = [key]
    for name, seconds in measured.items():
        if name == KEY:
            continue
        named = f"{name}, {how}"
        middle = statistics.median(seconds)
        results.append(Result(f"{named}, p50", round(middle, 3), "ms"))
        late = statistics.quantiles(seconds, n=100)[98]
        results.append(Result(f"{named}, p99", round(late, 3), "ms"))
    return results


async def _by_statements(
    tx: Transaction, callers: list[str], now: datetime
) -> dict[str, list[float]]:
    """Measure what is asked of the database, in one open transaction."""
    turns = {name: cycle(callers) for name in (KEY, *PERIODS)}

    async def by_key() -> None:
        assert (await read_own_level(tx, next(turns[KEY]))).gifts > 0

    async def of(period: Period) -> None:
        viewer = next(turns[period])
        found = await read_leaderboard(tx, CROWDED, period, viewer, now=now, limit=TOP_GIFTERS)
        assert len(found.top) == TOP_GIFTERS
        assert found.own.coins > 0

    looks = {_name(period): partial(of, period) for period in PERIODS}
    return await _in_turns({KEY: by_key, **looks}, ROUNDS)


async def _over_http(system: System, callers: list[str]) -> dict[str, list[float]]:
    """Measure what a caller waits for, at the service's own door."""
    address = urlsplit(system.urls["live"])
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    tokens = [system.token(caller) for caller in callers]

    def look(path: str) -> Look:
        requests = cycle(
            f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
            for token in tokens
        )

        async def ask() -> None:
            writer.write(next(requests))
            status, body = await answer(reader)
            assert status == 200, body

        return ask

    looks = {
        _name(period): look(f"/v1/rooms/{CROWDED}/standing?period={period.value}")
        for period in PERIODS
    }
    try:
        return await _in_turns({KEY: look("/v1/gifters/me"), **looks}, HTTP_ROUNDS)
    finally:
        writer.close()


async def _in_turns(looks: Mapping[str, Look], rounds: int) -> dict[str, list[float]]:
    """Take turns, so that a machine that slows down slows all; return milliseconds."""
    measured: dict[str, list[float]] = {name: [] for name in looks}
    for _ in range(rounds):
        for name, look in looks.items():
            started = time.perf_counter()
            await look()
            measured[name].append((time.perf_counter() - started) * 1000)
    return measured


def _name(period: Period) -> str:
    return f"standing on {GIFTS:,}, {period.value}"
