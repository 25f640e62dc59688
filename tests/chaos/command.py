"""What the commands of all runs have in common: a seed, a polite end, a table, a file."""

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import uvloop
from rich.console import Console
from rich.table import Table

from deploy.harness.processes import ServerFailed
from shared.observability.logging import configure_logging
from tests.chaos.checks import Check

SEEDS = 1_000_000
FOLDER = Path(".bench")

Outcome = TypeVar("Outcome")


def number(name: str, default: int) -> int:
    """Return a number of the environment."""
    return int(os.environ.get(name) or default)


def seed() -> int:
    """Return the seed of the environment, or a new one."""
    return number("SEED", random.randrange(SEEDS))


def carry_out(run: Callable[[], Coroutine[Any, Any, Outcome]]) -> Outcome:
    """Run to the end; a person who stops it, or a server that fails, ends everything."""
    configure_logging("chaos", level="ERROR")
    try:
        return uvloop.run(_until_stopped(run))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("Stopped.")
    except ServerFailed as error:
        sys.exit(str(error))


async def _until_stopped(run: Callable[[], Coroutine[Any, Any, Outcome]]) -> Outcome:
    # Whoever ends us politely sees everything end: SIGTERM is a Ctrl-C.
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run()


class StoryPlan(Protocol):
    """A plan of faults beside what people do."""

    @property
    def seed(self) -> int: ...
    @property
    def all_faults(self) -> Sequence[Any]: ...


class StoryOutcome(Protocol):
    """What came of it, and how often each story was played."""

    @property
    def checks(self) -> Sequence[Check]: ...
    @property
    def stories(self) -> Mapping[str, int]: ...
    @property
    def seconds(self) -> float: ...
    @property
    def holds(self) -> bool: ...


def finish(file: Path, plan: StoryPlan, outcome: StoryOutcome, **figures: int) -> None:
    """Print and write what came of a plan; the process fails if not everything holds."""
    title = ", ".join(f"{count} {name}" for name, count in figures.items())
    show(title, outcome.checks)
    stories = dict(sorted(outcome.stories.items()))
    say(", ".join(f"{name} {count}" for name, count in stories.items()))
    about = {"stories": stories, "seconds": round(outcome.seconds, 1)}
    write(file, {"seed": plan.seed, **figures, **about}, plan.all_faults, outcome.checks)
    if not outcome.holds:
        sys.exit(f"Not everything holds. SEED={plan.seed} makes the same plan again.")


def show(title: str, checks: Sequence[Check]) -> None:
    """Print what has to be zero."""
    table = Table(title=title, show_edge=False)
    for heading in ("what has to be zero", "", "", "detail"):
        table.add_column(heading, justify="right" if not heading else "left")
    for each in checks:
        mark = "[bold red]✗" if each.figure else "[green]✓"
        table.add_row(each.name, f"{int(each.figure):,}", mark, each.detail[:70])
    Console(width=130).print(table)


def write(
    file: Path, about: dict[str, object], faults: Sequence[Any], checks: Sequence[Check]
) -> None:
    """Write a result as a file, for others to read."""
    kinds = Counter(fault.kind.value for fault in faults)
    figures = Counter[str]()
    for each in checks:
        figures[each.kind] += int(each.figure)
    result = {
        **about,
        "faults": {"total": kinds.total(), **dict(sorted(kinds.items()))},
        "figures": dict(figures),
        "checks": {each.name: int(each.figure) for each in checks},
    }
    FOLDER.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=2) + "\n")
    say(f"{file} has the figures.")


def say(line: str) -> None:
    print(line, flush=True)
