"""
Run the suites of services with parts on a Citus cluster: `python -m deploy.citus [tests]`.

CITUS_DSN is the administrator's address of the coordinator, with a database that has the extension
and knows its workers. All nodes take the same administrator's password; the roles of the services
reach the workers with theirs. Databases are made on every node, and dropped in the end.
"""

import os
import subprocess
import sys

from deploy.citus.cluster import Cluster
from deploy.config.services import PARTED

PART_COUNT = 16
# Where nodes must be restarted or killed, or a test needs two databases of one service.
LEFT_OUT = ("tests/wallet/test_concurrency.py",)


def main() -> None:
    address = os.environ.get("CITUS_DSN")
    if not address:
        raise SystemExit("Set CITUS_DSN: postgresql://postgres:password@coordinator:5432/postgres")
    cluster = Cluster(address)
    sys.stdout.write(f"{cluster.describe()}\n")
    tests = sys.argv[1:] or [f"tests/{service}" for service in PARTED]
    ignored = [f"--ignore={path}" for path in LEFT_OUT if path not in tests]
    environment = {
        **os.environ,
        "OVATION_PARTS": os.environ.get("OVATION_PARTS", str(PART_COUNT)),
        "OVATION_SERVERS": os.environ.get("OVATION_SERVERS", "local"),
    }
    command = [sys.executable, "-m", "pytest", "-q", *tests, *ignored]
    done = subprocess.run(command, env=environment, check=False)  # noqa: S603 - our own command
    raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
