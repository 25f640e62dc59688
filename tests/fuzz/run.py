"""One run: a system, people, Schemathesis asking, quiet, and then the books."""

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from deploy.config.services import DATABASES
from deploy.ctl.installation import Installation
from deploy.harness.gateway import OPENAPI_FILE
from deploy.harness.processes import remove_folder, temporary_folder
from deploy.harness.system import System
from tests.chaos.books import Books
from tests.chaos.checks import Check, agreed, proved
from tests.chaos.quiet import DEAD_LETTERS, POLL_SECONDS, STEADY_SECONDS, waiting
from tests.chaos.stage import installation_of
from tests.fuzz.people import prepare

HERE = Path(__file__).parent
QUIET_SECONDS_MAX = 120
# What has to be over before sums can agree. Purchases nobody paid for stay open, as in life.
MOVING = ("outbox", "blocked", "open gifts")
LOGGED_ERROR = '"level": "error"'


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was answered to whom, and what was true afterwards."""

    seed: int
    seconds: float
    # By operation: how often which status was answered, and which checks failed.
    asked: dict[str, dict[str, int]]
    failures: dict[str, list[str]]
    # Schemathesis's own word, which also knows of what went wrong with itself.
    passed: bool
    checks: list[Check]

    @property
    def holds(self) -> bool:
        return self.passed and not any(check.figure for check in self.checks)


def run(*, seed: int, seconds: int) -> Outcome:
    """Ask the whole API for so long."""
    folder = temporary_folder("fuzz")
    try:
        with System() as system:
            return _fuzz(system, folder, seed, seconds)
    finally:
        remove_folder(folder)


def _fuzz(system: System, folder: Path, seed: int, seconds: int) -> Outcome:
    people, counts = folder / "people.json", folder / "counts.json"
    tokens = prepare(system, people)
    started = time.monotonic()
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(HERE / "schemathesis.toml")),
        *("run", str(OPENAPI_FILE), "--url", system.gateway_url),
        *("--seed", str(seed), "--max-time", str(seconds)),
    ]
    paths = {"HOOKS": HERE / "hooks.py", "PEOPLE": people, "COUNTS": counts}
    told = {f"FUZZ_{name}": str(path) for name, path in paths.items()}
    told["FUZZ_TENCENT"] = system.secrets.tencent_token
    asking = subprocess.run(command, env={**os.environ, **tokens, **told}, check=False)
    lasted = time.monotonic() - started
    counted = json.loads(counts.read_text())
    return Outcome(
        seed=seed,
        seconds=lasted,
        asked={operation: found["answers"] for operation, found in counted.items()},
        failures={operation: found["failures"] for operation, found in counted.items()},
        passed=asking.returncode == 0,
        checks=asyncio.run(_check(system)),
    )


async def _check(system: System) -> list[Check]:
    """Prove that nothing was unbalanced, lost, or broken in silence."""
    books, installation = Books(system.postgres), installation_of(system)
    left = await _until_still(books, installation)
    dead_letters = {
        name: count for name, count in waiting(installation).items() if name.endswith(DEAD_LETTERS)
    }
    errors = {name: system.log_of(name).count(LOGGED_ERROR) for name in DATABASES}
    gone = [name for name in system.names if not system.is_running(name)]
    return [
        *agreed(comparable(await books.sums())),
        *await proved(installation),
        Check("waiting", "still on its way or blocked", sum(left.values()), str(left)),
        Check("dead_letters", "dead letters", sum(dead_letters.values()), str(dead_letters)),
        Check("errors", "errors in the logs of services", sum(errors.values()), str(errors)),
        Check("died", "processes that ended by themselves", len(gone), ", ".join(gone)),
    ]


def comparable(sums: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """
    Leave out what does not have to agree here; `reconcile` looks at each thing of it.

    Operators give coins that nobody bought, and live counts no gift that was given in no room.
    """
    kept = {service: dict(figures) for service, figures in sums.items()}
    for service, name in (("purchase", "bought"), ("live", "spent"), ("live", "reversed")):
        del kept[service][name]
    return kept


async def _until_still(books: Books, installation: Installation) -> dict[str, int]:
    """Return what never came to its end: nothing, or what is left after a long wait."""
    deadline = time.monotonic() + QUIET_SECONDS_MAX
    still_since = time.monotonic()
    while True:
        found = await books.unfinished()
        moving = {name: count for name, count in found.items() if name.endswith(MOVING)}
        queues = await asyncio.to_thread(waiting, installation)
        moving |= {name: count for name, count in queues.items() if not name.endswith(DEAD_LETTERS)}
        moving = {name: count for name, count in moving.items() if count}
        now = time.monotonic()
        still_since = now if moving else still_since
        if now - still_since > STEADY_SECONDS or now > deadline:
            return moving
        await asyncio.sleep(POLL_SECONDS)
