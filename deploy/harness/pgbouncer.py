"""PgBouncer from the system's package, before a PostgreSQL, with the configuration we ship."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.config.environment import ROOT
from deploy.config.services import DATABASES
from deploy.harness.packages import require
from deploy.harness.ports import free_port, listens
from deploy.harness.postgres import Pooler, PostgresServer
from deploy.harness.processes import Process, ServerFailed, remove_folder, temporary_folder

VARIABLE = "OVATION_POOLER"
CONFIGURATION = ROOT / "deploy" / "failover" / "pgbouncer.ini"
START_SECONDS_MAX = 10
# The first version that keeps the prepared statements of a client.
PREPARES_SINCE = (1, 21)


@contextmanager
def pooled(postgres: PostgresServer, passwords: Mapping[str, str]) -> Iterator[None]:
    """Let services reach a server through the pooler that OVATION_POOLER names, if it does."""
    match os.environ.get(VARIABLE, ""):
        case "":
            yield
        case "pgbouncer":
            folder = temporary_folder("pgbouncer")
            process, postgres.pooler = _start(folder, postgres, passwords)
            try:
                yield
            finally:
                postgres.pooler = None
                process.kill()
                remove_folder(folder)
        case other:
            raise ServerFailed(f"{VARIABLE} is `pgbouncer` or empty, not {other}.")


def _start(
    folder: Path, postgres: PostgresServer, passwords: Mapping[str, str]
) -> tuple[Process, Pooler]:
    program = require("pgbouncer", "pgbouncer")
    port, prepares = free_port(), _version(program) >= PREPARES_SINCE
    # PgBouncer refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    own = folder / "server"
    own.mkdir(mode=0o700)
    (own / "userlist.txt").write_text(
        "".join(f'"{role}" "{passwords[role]}"\n' for role in DATABASES)
    )
    configuration = own / "pgbouncer.ini"
    configuration.write_text(_configuration(own, postgres, port, prepares=prepares))
    if user:
        for path in (own, *own.iterdir()):
            shutil.chown(path, user=user)
    process = Process(
        name="PgBouncer",
        command=[str(program), "-q", str(configuration)],
        log=folder / "pgbouncer.log",
        user=user,
    )
    process.start()
    process.wait_until(lambda: listens(port), seconds_max=START_SECONDS_MAX)
    return process, Pooler(f"127.0.0.1:{port}", prepares=prepares)


def _configuration(folder: Path, postgres: PostgresServer, port: int, *, prepares: bool) -> str:
    """Return our configuration for this machine; of two lines, PgBouncer takes the last."""
    shipped = CONFIGURATION.read_text()
    if not prepares:
        shipped = re.sub(r"(?m)^max_prepared_statements.*\n", "", shipped)
    return f"""{shipped}
listen_addr = 127.0.0.1
listen_port = {port}
auth_file = {folder}/userlist.txt
unix_socket_dir =
[databases]
* = host={postgres.host} port={postgres.port}
"""


def _version(program: Path) -> tuple[int, int]:
    said = subprocess.run([str(program), "--version"], check=True, capture_output=True, text=True)
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said.stdout)
    assert found, said.stdout
    return int(found[1]), int(found[2])
