"""The system of a tree, as the bench sees it: addresses, processes, and what the tree measures."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import httpx

from deploy.config.databases import fetch
from deploy.config.environment import ROOT
from deploy.harness.issuer import ADULT_YEARS
from deploy.harness.processes import remove_folder, temporary_folder
from tests.performance.gifts import Crowd
from tests.performance.host import JOIN, LEAVE
from tests.performance.machine import Cpu, cpu_of, names_below, resident_megabytes
from tests.performance.results import TODAY, Result

HOST = Path(__file__).parent / "host.py"
READY_SECONDS_MAX = 60.0


class Installation:
    """
    Everything of one tree, running, until the block ends.

    `name` says whose figures these are; `python` has what the tree needs.
    """

    def __init__(self, name: str = TODAY, tree: Path = ROOT, python: str = sys.executable) -> None:
        self.name = name
        self._command = [python, "-P", str(HOST)]
        self._tree = tree
        self._process: subprocess.Popen[str]
        self._places: dict[str, Any]
        self._schemas_known: dict[str, list[str]] = {}

    def __enter__(self) -> Self:
        # Five hundred creators are live in no room; what it costs to look whether they are counts.
        own = {"PYTHONPATH": str(self._tree), "GIFT_ANYBODY_MAY_RECEIVE": "true"}
        if self.name != TODAY:
            # What is compared has one part: `OVATION_PARTS=16 make bench AGAINST=HEAD`.
            own["OVATION_PARTS"] = "1"
        self._process = subprocess.Popen(
            self._command,
            cwd=self._tree,
            env={**os.environ, **own},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._places = self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    @property
    def urls(self) -> dict[str, str]:
        return dict(self._places["urls"])

    @property
    def postgres(self) -> str:
        """The administrator's address of its PostgreSQL."""
        return str(self._places["postgres"])

    @property
    def postgres_log(self) -> Path:
        return Path(self._places["postgres_log"])

    def log_of(self, instance: str) -> Path:
        """Return the file that an instance of a service writes its log to."""
        return Path(self._places["logs"]) / f"{instance}.log"

    @property
    def broker(self) -> str:
        """The address of its broker, for a user who may declare queues."""
        return str(self._places["broker"])

    @cached_property
    def crowd(self) -> Crowd:
        """Its viewers. They have no coins before `fund`."""
        return Crowd(self.urls["gateway"], self.token, self.count)

    def count(self, service: str, table: str, condition: str = "true") -> int:
        """Count rows of a table of a service, in all of its parts."""
        counts = " UNION ALL ".join(
            f"SELECT count(*) AS rows FROM {schema}.{table} WHERE {condition}"
            for schema in self._schemas(service)
        )
        query = f"SELECT sum(rows) FROM ({counts}) AS counted"
        return int(fetch(self._places["databases"][service], query)[0][0])

    def _schemas(self, service: str) -> list[str]:
        """Return where the rows of users are: older trees have no parts."""
        if service not in self._schemas_known:
            query = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^part_[0-9]+$'"
            found = fetch(self._places["databases"][service], query)
            self._schemas_known[service] = [row[0] for row in found] or ["public"]
        return self._schemas_known[service]

    def token(self, subject: str, **claims: object) -> str:
        answer = httpx.post(
            f"{self.urls['issuer']}/token",
            json={"sub": subject, "age_verified": ADULT_YEARS, **claims},
            trust_env=False,
        )
        return str(answer.raise_for_status().json()["access_token"])

    def cpu(self) -> Cpu:
        return cpu_of(self._process.pid)

    def megabytes(self) -> dict[str, float]:
        return resident_megabytes(self._process.pid)

    def measure(self, part: str) -> list[Result]:
        """Let the tree measure something inside its own code."""
        answer = self._ask(part)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return [Result(name, value, unit) for name, value, unit in answer["results"]]

    @contextmanager
    def doubled(self) -> Iterator[None]:
        """Run another instance of every service beside the first: `wallet-2` and so on."""
        self._places |= self._ask(JOIN)
        try:
            yield
        finally:
            self._places |= self._ask(LEAVE)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let none of its processes run while another installation is measured."""
        pids = list(names_below(self._process.pid))
        for pid in pids:
            _signal(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(pids):
                _signal(pid, signal.SIGCONT)
            self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        for name, url in self.urls.items():
            while name not in ("gateway", "issuer") and not _answers(f"{url}/readyz"):
                assert time.monotonic() < deadline, f"{name} did not come back"
                time.sleep(0.1)

    def _ask(self, order: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the system of {self.name} ended"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def installation_of(commit: str) -> Iterator[Installation]:
    """Run another commit's system, from a copy of its files; its own packages if they differ."""
    folder = temporary_folder("bench")
    try:
        archive = subprocess.run(
            ["git", "archive", commit], cwd=ROOT, check=True, capture_output=True
        )
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
        with Installation(commit, folder, _python_for(folder)) as installation:
            yield installation
    finally:
        remove_folder(folder)


def _python_for(tree: Path) -> str:
    if (tree / "uv.lock").read_bytes() == (ROOT / "uv.lock").read_bytes():
        return sys.executable
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([uv, "sync", "--frozen", "--quiet"], cwd=tree, check=True)
    return str(tree / ".venv" / "bin" / "python")


def _answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(url, timeout=5, trust_env=False).is_success
    return False


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
