"""
How many machines a rate of gifts needs, and what is full first: a model, not a measurement.

CPU time, bytes and messages of one gift were counted (`deploy/capacity.toml`, or the file of
`make bench`); everything else is multiplied. Its assumptions are the constants of this module.
"""

import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from deploy.config.databases import SERVICE_CONNECTIONS_MAX

FIGURES = Path(__file__).with_name("capacity.toml")
PAGE = Path(__file__).parent.parent / "docs" / "operations" / "capacity.md"
RATES = (1_000, 10_000, 100_000, 1_000_000)
# Above this share of its cores a machine has no room for a wave, and waiting grows.
USE_MAX = 0.6
MACHINE_CORES = 16
# A primary and two standbys: an answered commit is on two machines.
POSTGRES_COPIES = 3
# The followers of quorum queues cost about as much again as their leaders.
RABBITMQ_COPIES = 2
# One of three may go.
MACHINES_MIN = 3
# Sessions of one instance, and instances beyond them while one is replaced.
SESSIONS = 20
SURGE = 1
# A large disk of a cloud, which has to hold a year.
DISK_BYTES = 16e12
YEAR_SECONDS = 365 * 86_400
DAY_SECONDS = 86_400
_NEEDED = (
    "| gifts/s | machines (instances of gift) | RabbitMQ nodes | PostgreSQL | kept a day | disks |"
    " WAL |"
)
_BENCH = re.compile(r"CPU a gift, 64 open: (?P<postgres>PostgreSQL )?(?P<name>\w+)")
_FIGURES_PART = re.compile(r"(?<=<!-- begin figures -->\n).*?(?=<!-- end figures -->)", re.DOTALL)


class DoubtfulFigures(Exception):
    """The benchmark itself says that its figures prove nothing; the message is why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """
    What one gift costs: milliseconds of CPU by program, bytes and messages by service.

    `postgres_ms` is what a service's database takes. `wal_bytes` are of all services.
    """

    cpu_ms: Mapping[str, float]
    postgres_ms: Mapping[str, float]
    kept_bytes: Mapping[str, float]
    wal_bytes: float
    published: Mapping[str, float]
    relay_messages_per_second: float
    sealed_entries_per_second: float
    queue_operations: float

    @classmethod
    def checked_in(cls) -> Self:
        """Return the figures of docs/performance.md."""
        read = tomllib.loads(FIGURES.read_text())
        sections = {name: read[name] for name in ("cpu_ms", "postgres_ms", "kept_bytes")}
        return cls(
            **sections,
            published=read["published"],
            wal_bytes=read["wal_bytes"]["all"],
            **read["limits"],
        )

    def measured(self, results: Path) -> Self:
        """Return these costs with what a run of `make bench` counted in their place."""
        kept: dict[str, Any] = json.loads(results.read_text())
        if kept["doubts"]:
            raise DoubtfulFigures("; ".join(kept["doubts"]))
        figures = {
            each["name"]: _median(each["this tree"])
            for each in kept["figures"]
            if "this tree" in each
        }
        cpu, postgres = dict(self.cpu_ms), dict(self.postgres_ms)
        for name, value in figures.items():
            if (found := _BENCH.fullmatch(name)) is None:
                continue
            program, of = found["name"].lower(), postgres if found["postgres"] else cpu
            if program in of:
                of[program] = value
        stored = figures.get("a gift in the wallet's database", self.kept_bytes["wallet"])
        relay = figures.get("relay drain", self.relay_messages_per_second)
        return replace(
            self,
            cpu_ms=cpu,
            postgres_ms=postgres,
            kept_bytes={**self.kept_bytes, "wallet": stored},
            relay_messages_per_second=relay,
        )


@dataclass(frozen=True, slots=True)
class Machines:
    """What a rate of gifts needs; machines have MACHINE_CORES cores."""

    rate: int
    service_machines: int
    gift_instances: int
    broker_nodes: int
    # Of each service, standbys included: those of the largest first.
    databases: Mapping[str, int]
    kept_bytes_per_day: float
    # Of DISK_BYTES each, for a year's history with the standbys' copies.
    disks_a_year: int
    wal_bytes_per_second: float


@dataclass(frozen=True, slots=True)
class Wall:
    """Up to how many gifts a second something carries as it is, and what moves it."""

    name: str
    gifts_per_second: float
    remedy: str


def machines(costs: Costs, rate: int) -> Machines:
    """Return what so many gifts a second need, if nothing but machines is missing."""
    services = {name: ms for name, ms in costs.cpu_ms.items() if name != "rabbitmq"}
    broker = costs.cpu_ms["rabbitmq"] * RABBITMQ_COPIES
    kept = rate * sum(costs.kept_bytes.values())
    return Machines(
        rate,
        service_machines=max(MACHINES_MIN, _machines(rate, sum(services.values()))),
        gift_instances=math.ceil(_cores(rate, costs.cpu_ms["gift"])),
        broker_nodes=max(MACHINES_MIN, _machines(rate, broker)),
        databases={
            name: POSTGRES_COPIES * _machines(rate, ms)
            for name, ms in sorted(costs.postgres_ms.items(), key=lambda each: -each[1])
        },
        kept_bytes_per_day=kept * DAY_SECONDS,
        disks_a_year=math.ceil(POSTGRES_COPIES * kept * YEAR_SECONDS / DISK_BYTES),
        wal_bytes_per_second=rate * costs.wal_bytes,
    )


def walls(costs: Costs) -> list[Wall]:
    """Return what is full as more gifts come, the first to be full first."""
    return sorted(_walls(costs), key=lambda wall: wall.gifts_per_second)


def _walls(costs: Costs) -> Iterator[Wall]:
    instances = SERVICE_CONNECTIONS_MAX // SESSIONS - SURGE
    yield Wall(
        f"the disk of one service's history: {DISK_BYTES / 1e12:.0f} TB hold a year",
        DISK_BYTES / (max(costs.kept_bytes.values()) * YEAR_SECONDS),
        "let old history go to an archive",
    )
    yield Wall(
        "the relay of one instance of gift",
        costs.relay_messages_per_second / costs.published["gift"],
        "more instances: their relays divide the outbox",
    )
    yield Wall(
        f"the sessions of the gift service: {instances} instances",
        instances * USE_MAX * 1_000 / costs.cpu_ms["gift"],
        "a pooler before the pools, or a higher limit of the role",
    )
    operation_ms = costs.cpu_ms["rabbitmq"] / costs.queue_operations
    yield Wall(
        "one queue, which is one process of RabbitMQ",
        # A message is put into it and taken out of it.
        USE_MAX * 1_000 / (2 * operation_ms),
        "partitions of the queue",
    )
    yield Wall(
        "the seals of a ledger, which are one chain",
        costs.sealed_entries_per_second,
        "a chain for each part",
    )
    for service, ms in costs.postgres_ms.items():
        yield Wall(
            f"the PostgreSQL of {service}: {MACHINE_CORES} cores",
            MACHINE_CORES * USE_MAX * 1_000 / ms,
            "parts on several servers",
        )


def _cores(rate: float, cpu_ms: float) -> float:
    return rate * cpu_ms / 1_000 / USE_MAX


def _machines(rate: float, cpu_ms: float) -> int:
    return math.ceil(_cores(rate, cpu_ms) / MACHINE_CORES)


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def tables(costs: Costs) -> str:
    """Return both tables as Markdown: what rates need, and the walls."""
    needed = [machines(costs, rate) for rate in RATES]
    lines = [
        _NEEDED,
        "|---|---|---|---|---|---|---|",
        *map(_row, needed),
        "",
        "| what is full | at gifts/s | what moves it |",
        "|---|---|---|",
        *(
            f"| {number}. {wall.name} | {_rounded(wall.gifts_per_second)} | {wall.remedy} |"
            for number, wall in enumerate(walls(costs), start=1)
        ),
    ]
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return docs/operations/capacity.md, with the tables of today's costs."""
    return _FIGURES_PART.sub(lambda _: tables(Costs.checked_in()), PAGE.read_text())


def _row(needed: Machines) -> str:
    databases = ", ".join(f"{name} {count}" for name, count in needed.databases.items())
    kept = needed.kept_bytes_per_day / 1e12
    return (
        f"| {needed.rate:,} | {needed.service_machines:,} ({needed.gift_instances:,}) |"
        f" {needed.broker_nodes:,} | {databases} | {kept:,.1f} TB | {needed.disks_a_year:,} |"
        f" {needed.wal_bytes_per_second / 1e6:,.0f} MB/s |"
    )


def _rounded(rate: float) -> str:
    """Return two digits of a rate: the model knows no more."""
    digits = max(0, math.floor(math.log10(rate)) - 1)
    return f"{round(rate, -digits):,.0f}"
