"""PostgreSQL and RabbitMQ in containers, where a Docker engine answers."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncpg
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from deploy.config.databases import fetch
from deploy.config.postgres import SETTINGS, arguments
from deploy.harness.ports import free_port
from deploy.harness.postgres import FAST, PostgresServer
from deploy.harness.processes import ServerFailed
from deploy.harness.rabbitmq import RabbitServer, schedulers
from deploy.harness.server import Server
from deploy.harness.watchdog import watchdog

# The same variables as in docker-compose.yml.
POSTGRES_IMAGE = os.environ.get("POSTGRES_IMAGE", "postgres:17")
RABBITMQ_IMAGE = os.environ.get("RABBITMQ_IMAGE", "rabbitmq:4-management")
ENGINE_SECONDS_MAX = 2
PULL_SECONDS_MAX = 60
START_SECONDS_MAX = 90
POLL_SECONDS = 0.1


def engine_answers() -> bool:
    if not shutil.which("docker"):
        return False
    return _docker("info", seconds_max=ENGINE_SECONDS_MAX)


def image_is_here(image: str) -> bool:
    """Whether the image is there, or comes with one pull that does not take long."""
    if _docker("image", "inspect", image, seconds_max=ENGINE_SECONDS_MAX):
        return True
    print(f"Pulling {image}, for at most {PULL_SECONDS_MAX} s.", flush=True)
    return _docker("pull", "--quiet", image, seconds_max=PULL_SECONDS_MAX)


class _Container:
    """One container whose ports on this machine stay the same from start to start."""

    def __init__(
        self,
        image: str,
        ports: dict[int, int],
        environment: dict[str, str],
        command: list[str] | None = None,
    ) -> None:
        # The watchdog removes what is left; the library's own reaper is one more image to pull.
        testcontainers_config.ryuk_disabled = True
        self._image = image
        self._container = DockerContainer(image).with_envs(**environment)
        for inside, outside in ports.items():
            # Docker takes an address too, for which the library has no type.
            self._container.ports[str(inside)] = ("127.0.0.1", outside)  # type: ignore[assignment]
        if command:
            self._container.with_command(command)
        self._is_created = False

    def start(self, is_ready: Callable[[], bool]) -> None:
        if self._is_created:
            self._wrapped.start()
        else:
            self._container.start()
            self._is_created = True
            watchdog().remove_container(self._wrapped.id)
        deadline = time.monotonic() + START_SECONDS_MAX
        while not is_ready():
            self._wrapped.reload()
            if self._wrapped.status == "exited" or time.monotonic() > deadline:
                log = self._wrapped.logs(tail=30).decode(errors="replace")
                raise ServerFailed(f"{self._image} did not start:\n{log}")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        self._wrapped.stop()

    def kill(self) -> None:
        self._wrapped.kill()

    def remove(self) -> None:
        if self._is_created:
            self._wrapped.remove(force=True, v=True)
            self._container.get_docker_client().client.close()

    @property
    def _wrapped(self) -> Any:
        return self._container.get_wrapped_container()


class _Contained(Server):
    """A server in a container."""

    _container: _Container

    def start(self) -> None:
        self._container.start(self.answers)

    def stop(self) -> None:
        self._container.stop()

    def kill(self) -> None:
        self._container.kill()

    def close(self) -> None:
        self._container.remove()


class ContainerPostgres(_Contained, PostgresServer):
    """PostgreSQL in a container, on a port of this machine."""

    def __init__(self, *, fast: bool = False) -> None:
        super().__init__("127.0.0.1", free_port(), "postgres", secrets.token_urlsafe(16))
        settings = {**SETTINGS, **(FAST if fast else {})}
        self._container = _Container(
            POSTGRES_IMAGE,
            {5432: self.port},
            {"POSTGRES_PASSWORD": self.admin_password},
            ["postgres", *arguments(settings)],
        )

    def answers(self) -> bool:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            fetch(self.dsn(), "SELECT 1")
            return True
        return False


class ContainerRabbit(_Contained, RabbitServer):
    """RabbitMQ in a container, on two ports of this machine."""

    def __init__(self) -> None:
        management_port = free_port()
        super().__init__(
            host="127.0.0.1",
            port=free_port(),
            management_url=f"http://127.0.0.1:{management_port}",
            admin_user="admin",
            admin_password=secrets.token_urlsafe(16),
        )
        self._container = _Container(
            RABBITMQ_IMAGE,
            {5672: self.port, 15672: management_port},
            {
                "RABBITMQ_DEFAULT_USER": self.admin_user,
                "RABBITMQ_DEFAULT_PASS": self.admin_password,
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": schedulers(),
            },
        )

    def start(self) -> None:
        super().start()
        self._started_at = time.monotonic()

    def kill(self) -> None:
        self.wait_until_saved()
        super().kill()


def _docker(*arguments: str, seconds_max: float) -> bool:
    """Whether the command did its work in time."""
    with suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            ["docker", *arguments], check=False, capture_output=True, timeout=seconds_max
        )
        return done.returncode == 0
    return False
