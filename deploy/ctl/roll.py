"""
A new version of every service without a request lost: each new instance is ready before an old
one is asked to end.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.gateway.nginx import RESOLVE_SECONDS

ROOT = Path(__file__).parent.parent.parent
READY_SECONDS_MAX = 300
POLL_SECONDS = 0.5
# The gateway finds a new instance, and forgets an old one, when it looks the name up again.
NOTICED_SECONDS = 2 * RESOLVE_SECONDS


class ComposeFailed(Exception):
    """Docker or Compose did not do what it was asked; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Compose:
    """A project of Docker Compose; `files` beyond docker-compose.yml are its overlays."""

    folder: Path = ROOT
    project: str | None = None
    files: Sequence[str] = ()

    def __call__(self, *arguments: str) -> str:
        """Run `docker compose` with these arguments; return what it printed."""
        files = ("docker-compose.yml", *self.files) if self.files else ()
        options = [part for file in files for part in ("-f", file)]
        if self.project:
            options += ["-p", self.project]
        return _run([*compose_command(), *options, *arguments], self.folder)

    def instances(self, service: str) -> list[str]:
        """Return the ids of a service's containers that run."""
        return self("ps", "-q", service).split()


def compose_command() -> list[str]:
    """Return how Compose is called here: OVATIONCTL_COMPOSE, else version 2, else 1.29."""
    if named := os.environ.get("OVATIONCTL_COMPOSE"):
        return named.split()
    asked = subprocess.run(["docker", "compose", "version"], check=False, capture_output=True)
    return ["docker", "compose"] if asked.returncode == 0 else ["docker-compose"]


def roll(compose: Compose, services: Sequence[str]) -> Iterator[tuple[str, int]]:
    """
    Replace every instance of these services by one from the image and settings of now.

    Yields each service when it is done, and how many instances were replaced.
    """
    for service in services:
        old = compose.instances(service)
        if not old:
            raise ComposeFailed(f"{service} does not run: there is nothing to replace.")
        scale = f"{service}={2 * len(old)}"
        compose("up", "--detach", "--no-deps", "--no-recreate", "--scale", scale, service)
        new = [container for container in compose.instances(service) if container not in old]
        wait_until_healthy(new)
        time.sleep(NOTICED_SECONDS)
        # A container has `stop_grace_period` to finish what it has begun.
        _docker("stop", *old)
        _docker("rm", *old)
        yield service, len(old)


def wait_until_healthy(containers: Sequence[str]) -> None:
    """Return once each container is healthy, or runs and has no check of its own."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while True:
        states = [each["State"] for each in json.loads(_docker("inspect", *containers))]
        healths = [state.get("Health", {}).get("Status", state["Status"]) for state in states]
        if all(health in ("healthy", "running") for health in healths):
            return
        if time.monotonic() > deadline:
            raise ComposeFailed(f"New instances are {healths}; nothing was taken away for them.")
        time.sleep(POLL_SECONDS)


def _docker(*arguments: str) -> str:
    return _run(["docker", *arguments], ROOT)


def _run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise ComposeFailed(f"{' '.join(command)}:\n{done.stderr.strip()[-2000:]}")
    return done.stdout
