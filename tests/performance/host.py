"""
The whole system of one tree, run as a process of that tree and asked over a pipe.

It is started with that tree as its folder and its path, so that everything it imports is the
tree's own; it may be older than this file. It reads one order a line and answers with one line.
"""

import asyncio
import gc
import importlib
import inspect
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

# What a tree measures itself, inside its own code: the module and the function.
OWN_PARTS = {
    "ledger": ("tests.performance.ledger", "post_gifts"),
    "old": ("tests.performance.ledger", "post_on_old_books"),
    "messages": ("tests.performance.messages", "relay_and_consume"),
    "relays": ("tests.performance.relays", "drain"),
    "leaderboards": ("tests.performance.leaderboards", "leaderboards_of_old_rooms"),
}
# Orders to run another instance of every service beside the first, and to end those.
JOIN, LEAVE = "join", "leave"
# What a tree before this page called its figures.
FORMER = {"gifts on 5 million postings": "gifts on old entries"}
# More deliveries than this at once are the gifts that are measured, not what they are paid from.
MEASURED_MIN = 10_000


def main() -> None:
    # Modules that are asked may print; what they print is not an answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    from deploy.harness.system import System  # noqa: PLC0415 - the tree's own

    def say(answer: Any) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    with System() as system:
        postgres = Path(f"/proc/{_postmaster(system)}")
        broker = system.secrets.broker["ovationctl"]
        say(
            {
                "urls": system.urls,
                "databases": {name: system.postgres.dsn(name) for name in _databases()},
                "postgres": system.postgres.dsn(),
                "logs": str(system.folder),
                "postgres_log": str((postgres / "fd" / "2").readlink()),
                "broker": system.rabbit.url("ovation", user="ovationctl", password=broker),
            }
        )
        for line in sys.stdin:
            say(_obey(system, json.loads(line)))


def _obey(system: Any, order: str) -> dict[str, Any]:
    if order not in (JOIN, LEAVE):
        return _measure(system, order)
    if order == JOIN:
        system.join(Path.cwd())
    else:
        system.leave()
    return {"urls": system.urls}


def _measure(system: Any, part: str) -> dict[str, Any]:
    """Run a part of the tree's own bench; a part that fails is an answer too."""
    module_name, function = OWN_PARTS[part]
    try:
        module = importlib.import_module(module_name)
        noted = _note_costs(system, module) if part == "ledger" else []
        measure = getattr(module, function)
        yardstick = [module.Result("pgbench", 1.0, "")] if _takes_a_yardstick(measure) else []
        measured = asyncio.run(measure(system, *yardstick))
    except Exception as error:  # noqa: BLE001 - whatever it was, the others go on
        return {"error": repr(error)}
    finally:
        gc.unfreeze()
    results = [(FORMER.get(each.name, each.name), each.value, each.unit) for each in measured]
    empty = [
        ("an empty ledger", each.value / each.ratio, each.unit)
        for each in measured
        if each.name in FORMER
    ]
    return {"results": [*results, *empty, *(noted[:1] and noted[0])]}


def _takes_a_yardstick(measure: Callable[..., Any]) -> bool:
    return "yardstick" in inspect.signature(measure).parameters


def _note_costs(system: Any, module: ModuleType) -> list[list[tuple[str, float, str]]]:
    """Count what posting takes beside time, around the function through which all gifts go."""
    receive: Callable[..., Any] = module._receive  # noqa: SLF001 - every version has it
    noted: list[list[tuple[str, float, str]]] = []

    async def counted(consumer: Any, deliveries: list[Any]) -> None:
        wal, cpu = _wal_bytes(system), time.process_time()
        await receive(consumer, deliveries)
        if len(deliveries) > MEASURED_MIN:
            cpu = time.process_time() - cpu
            wal = _wal_bytes(system) - wal
            noted.append(
                [
                    ("WAL a gift in the wallet", wal / len(deliveries) / 1000, "kB"),
                    ("Python a gift in the wallet", cpu / len(deliveries) * 1e6, "us"),
                ]
            )

    module._receive = counted  # type: ignore[attr-defined]  # noqa: SLF001
    return noted


def _wal_bytes(system: Any) -> int:
    from deploy.config.databases import fetch  # noqa: PLC0415 - the tree's own

    query = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
    return int(fetch(system.postgres.dsn(), query)[0][0])


def _databases() -> tuple[str, ...]:
    return tuple(importlib.import_module("deploy.config.services").DATABASES)


def _postmaster(system: Any) -> int:
    from deploy.config.databases import fetch  # noqa: PLC0415 - the tree's own

    folder = fetch(system.postgres.dsn(), "SHOW data_directory")[0][0]
    return int((Path(folder) / "postmaster.pid").read_text().split("\n", 1)[0])


if __name__ == "__main__":
    main()
