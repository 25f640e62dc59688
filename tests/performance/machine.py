"""
What processes take of the machine: their CPU, their memory, and what others take beside them.

CPU time is what the kernel's scheduler counted (`schedstat`), so it means the same on a busy
machine as on a quiet one, but for colder caches; rates and waits do not.
"""

import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
NANOSECONDS = 1_000_000_000
# How a process is known by its command line; one that is not takes its parent's name.
NAMES = {
    re.compile(r"-m services\.(\w+)\.main"): None,
    re.compile(r"-m deploy\.harness\.(issuer)"): None,
    re.compile(r"-m tests\.performance\.(relays)"): None,
    re.compile(r"^nginx|/nginx "): "gateway",
    re.compile(r"beam\.smp|rabbitmq-server|erl_child_setup"): "RabbitMQ",
    re.compile(r"^postgres: (purchase|wallet|gift|payout|live)(?:_owner)? "): "PostgreSQL",
    re.compile(r"^postgres|/postgres "): "PostgreSQL",
}
# What runs beside an installation here: it gives out tokens, starts processes and ends them.
BESIDE = {"issuer", "bench"}
# Other programs may take so much of the machine's cores before rates mean nothing.
OTHERS_MAX = 0.15


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds by name of process, at one moment."""

    at: float
    seconds: Mapping[str, float]

    def since(self, before: "Cpu") -> dict[str, float]:
        """Return the CPU seconds that each name took, the greatest first."""
        taken = {name: now - before.seconds.get(name, 0) for name, now in self.seconds.items()}
        ranked = sorted(taken.items(), key=lambda item: item[1], reverse=True)
        return {name: seconds for name, seconds in ranked if seconds > 0}


def cpu_of(root: int) -> Cpu:
    """Return what a process and all it started have taken by now, those that ended included."""
    seconds: dict[str, float] = defaultdict(float)
    for pid, name in names_below(root).items():
        if name not in BESIDE:
            seconds[name] += _seconds(pid)
    return Cpu(time.perf_counter(), seconds)


def resident_megabytes(root: int) -> dict[str, float]:
    """Return the memory of each program below a process, by name."""
    found: dict[str, float] = defaultdict(float)
    for pid, name in names_below(root).items():
        try:
            status = (PROC / str(pid) / "status").read_text()
        except OSError:
            continue
        if kilobytes := re.search(r"VmRSS:\s+(\d+)", status):
            found[name] += int(kilobytes[1]) / 1024
    return found


def names_below(root: int) -> dict[int, str]:
    """Name every process that a process started, directly or not."""
    children: dict[int, list[int]] = defaultdict(list)
    for pid in _pids():
        if (stat := _stat(pid)) is not None:
            children[int(stat[1])].append(pid)
    names: dict[int, str] = {}

    def visit(pid: int, inherited: str) -> None:
        for child in children[pid]:
            names[child] = _name(child) or inherited
            visit(child, names[child])

    visit(root, "bench")
    return names


class Others:
    """How much of the machine programs take that are none of ours."""

    def __init__(self) -> None:
        self._root = os.getpid()
        self._at, self._busy, self._ours = self._now()

    def share(self) -> float:
        """Return which part of all cores others took since the last look."""
        at, busy, ours = self._now()
        took = (busy - self._busy) - (ours - self._ours)
        cores = took / max(at - self._at, 0.001)
        self._at, self._busy, self._ours = at, busy, ours
        return max(0.0, cores / (os.cpu_count() or 1))

    def _now(self) -> tuple[float, float, float]:
        user, nice, system, _, _, *rest = (
            int(word) for word in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]
        )
        ours = sum(_seconds(pid) for pid in [self._root, *names_below(self._root)])
        busy = (user + nice + system + sum(rest)) / TICKS_PER_SECOND
        return time.perf_counter(), busy, ours


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())


def _name(pid: int) -> str | None:
    try:
        command = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return None
    for pattern, name in NAMES.items():
        if found := pattern.search(command):
            parts = [part for part in (name, *found.groups()) if part]
            return " ".join(parts)
    return None


def _stat(pid: int) -> list[str] | None:
    """Return what stands behind a process's name in its `stat`: the state, the parent and so on."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _seconds(pid: int) -> float:
    """Return the CPU time of a process's threads and of its children that have ended."""
    stat = _stat(pid)
    if stat is None:
        return 0.0
    ended = (int(stat[13]) + int(stat[14])) / TICKS_PER_SECOND
    own = 0
    try:
        for task in (PROC / str(pid) / "task").iterdir():
            own += int((task / "schedstat").read_text().split()[0])
    except OSError:
        # It ended while we looked; its parent's next count has it.
        return ended
    return own / NANOSECONDS + ended
