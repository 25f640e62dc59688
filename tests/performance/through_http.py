"""What gifts and purchases over HTTP take of time, CPU, statements and memory."""

import asyncio
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from deploy.config.databases import run_sql
from tests.performance.gifts import FINISH_SECONDS_MAX, SPREAD_CREATORS, Crowd, Load
from tests.performance.installation import Installation
from tests.performance.results import Result

SECONDS = 8.0
WARM_UP_SECONDS = 2.0
STATEMENTS_SECONDS = 2.0
IDLE_SECONDS = 10.0
# So long after the last gift.sent the services that follow it have worked as well.
FOLLOW_SECONDS = 0.5
HOT_ROUNDS = 3
SERVICES = ("purchase", "wallet", "gift", "payout", "live")
# Which of the processes serve only for practice.
PRACTICE = {"sandbox"}


async def purchases(installation: Installation) -> list[Result]:
    """Let all viewers buy coins, forty at once."""
    crowd = installation.crowd
    if crowd.is_funded:
        return []
    before = installation.cpu()
    bought = await crowd.fund()
    after = installation.cpu()
    taken = {name: value for name, value in after.since(before).items() if name not in PRACTICE}
    return [
        Result("purchases, 40 at once", bought / (after.at - before.at), "purchases/s"),
        *_costs("CPU a purchase", taken, bought),
    ]


async def alone(installation: Installation) -> list[Result]:
    """Give one gift after the other."""
    return await _measured(installation, "one gift alone", 1)


async def many(installation: Installation) -> list[Result]:
    """Give as many gifts as 64 and 256 open requests can."""
    return [
        *await _measured(installation, "gifts over HTTP, 64 open", 64),
        *await _measured(installation, "gifts over HTTP, 256 open", 256),
    ]


async def _measured(installation: Installation, name: str, open_requests: int) -> list[Result]:
    crowd = await funded(installation)
    await give(installation, crowd, open_requests, WARM_UP_SECONDS)
    before = installation.cpu()
    load = await give(installation, crowd, open_requests, SECONDS)
    await asyncio.sleep(FOLLOW_SECONDS)
    taken = installation.cpu().since(before)
    how = "alone" if open_requests == 1 else f"{open_requests} open"
    return [
        Result(name, load.sent / load.seconds, "gifts/s"),
        Result(f"{name}, answered 202", load.pending / load.seconds, "gifts/s"),
        *(Result(f"{name}, p{p}", load.percentile_ms(p), "ms") for p in (50, 99)),
        *_costs(f"CPU a gift, {how}", taken, load.gifts),
    ]


async def idle(installation: Installation) -> list[Result]:
    """Watch the processes while nothing is asked of them."""
    await asyncio.sleep(WARM_UP_SECONDS)
    before = installation.cpu()
    await asyncio.sleep(IDLE_SECONDS)
    after = installation.cpu()
    taken, seconds = after.since(before), after.at - before.at
    return [
        Result("idle installation", sum(taken.values()) / seconds, "cores"),
        *(
            Result(f"idle {name}", value / seconds, "cores")
            for name, value in taken.items()
            if value / seconds >= 0.001
        ),
    ]


async def memory(installation: Installation) -> list[Result]:
    """Look at the memory of each process, after what was measured before."""
    megabytes = installation.megabytes()
    services = {name: megabytes[name] for name in SERVICES}
    return [
        Result("memory of the largest service", max(services.values()), "MB"),
        *(Result(f"memory of {name}", value, "MB") for name, value in services.items()),
    ]


async def statements(installation: Installation) -> list[Result]:
    """Count, in PostgreSQL's log, what each service asks of its database for a gift."""
    crowd = await funded(installation)
    log = installation.postgres_log
    begin = log.stat().st_size
    _log_statements(installation, on=True)
    try:
        load = await give(installation, crowd, 64, STATEMENTS_SECONDS)
        await asyncio.sleep(FOLLOW_SECONDS)
    finally:
        _log_statements(installation, on=False)
    with log.open("rb") as file:
        file.seek(begin)
        written = file.read().decode(errors="replace")
    executed: Counter[str] = Counter()
    commits: Counter[str] = Counter()
    for database, statement in _EXECUTED.findall(written):
        executed[database] += 1
        commits[database] += statement.startswith("COMMIT")
    return [
        result
        for name in SERVICES
        if commits[name]
        for result in (
            Result(f"statements a gift, {name}", executed[name] / load.gifts, ""),
            Result(f"statements a transaction, {name}", executed[name] / commits[name], ""),
        )
    ]


async def hot_against_spread(installation: Installation) -> list[Result]:
    """Give to one creator and to many, in turns, until payout has booked all."""
    crowd = await funded(installation)
    rates: dict[int, list[float]] = {1: [], SPREAD_CREATORS: []}
    for _ in range(HOT_ROUNDS):
        for creators, measured in rates.items():
            measured.append(await _until_booked(installation, crowd, creators))
    spread, hot = (statistics.median(rates[creators]) for creators in (SPREAD_CREATORS, 1))
    return [
        Result("gifts to spread creators, booked", spread, "gifts/s"),
        Result("gifts to one creator, booked", hot, "gifts/s"),
    ]


async def funded(installation: Installation) -> Crowd:
    """Return viewers with coins."""
    await installation.crowd.fund()
    return installation.crowd


async def give(
    installation: Installation,
    crowd: Crowd,
    open_requests: int,
    seconds: float,
    creators: int = SPREAD_CREATORS,
) -> Load:
    """Give for so long; the clock stops when every gift.sent is published."""
    started = time.perf_counter()
    load = await crowd.give(open_requests=open_requests, seconds=seconds, creators=creators)
    await _until(lambda: installation.count("gift", "outbox") == 0)
    load.seconds = time.perf_counter() - started
    return load


async def _until_booked(installation: Installation, crowd: Crowd, creators: int) -> float:
    booked = partial(installation.count, "payout", "entries", "gift IS NOT NULL")
    before = booked()
    started = time.perf_counter()
    load = await give(installation, crowd, 256, SECONDS / 2, creators)
    await _until(lambda: booked() >= before + load.gifts)
    return load.gifts / (time.perf_counter() - started)


def _costs(name: str, taken: dict[str, float], items: int) -> list[Result]:
    each = {process: seconds * 1000 / items for process, seconds in taken.items()}
    return [
        Result(name, sum(each.values()), "ms"),
        *(Result(f"{name}: {process}", ms, "ms") for process, ms in each.items() if ms >= 0.01),
    ]


def _log_statements(installation: Installation, *, on: bool) -> None:
    values = {"log_min_duration_statement": 0, "log_line_prefix": "'%d|'"}
    change = [
        f"ALTER SYSTEM SET {name} = {value}" if on else f"ALTER SYSTEM RESET {name}"
        for name, value in values.items()
    ]
    run_sql(installation.postgres, [*change, "SELECT pg_reload_conf()"])


async def _until(reached: Callable[[], bool]) -> None:
    deadline = time.perf_counter() + FINISH_SECONDS_MAX
    while not await asyncio.to_thread(reached):
        assert time.perf_counter() < deadline, "the gifts did not settle"
        await asyncio.sleep(0.05)


_EXECUTED = re.compile(r"^(\w+)\|LOG: .*? ms  (?:execute [^:]+|statement): *(\S*)", re.MULTILINE)
