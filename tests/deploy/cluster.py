"""Three instances of every service and three broker nodes in Docker Compose, and how they end."""

import json
import re
import subprocess
import time
from collections import Counter

import httpx

from deploy.config.services import ROLLED
from deploy.ctl.installation import Installation
from deploy.ctl.roll import Compose, wait_until_healthy
from deploy.harness.issuer import ADULT_YEARS
from deploy.harness.servers import ExternalPostgres

INSTANCES = 3
NODES = ("rabbitmq", "rabbitmq-2", "rabbitmq-3")
WHOLE_SECONDS_MAX = 180
POLL_SECONDS = 1.0


class Cluster:
    """
    A deployed system, as its people reach it and its operator looks into it.

    The servers' network has no way out, but this machine has a way in.
    """

    def __init__(self, compose: Compose, url: str) -> None:
        self.compose = compose
        self.gateway_url = url
        self.sandbox_url = f"{url}/sandbox"
        password = self._secret("postgres_admin_password")
        self.postgres = ExternalPostgres(
            f"postgresql://postgres:{password}@{self._place('postgres')}"
        )

    @property
    def names(self) -> list[str]:
        return [*ROLLED]

    @property
    def payments_key(self) -> str:
        return self._secret("sandbox_payments_key")

    @property
    def installation(self) -> Installation:
        nodes = [self._place(node) for node in NODES if self._runs(node)]
        return Installation(
            postgres=f"{self.postgres.host}:{self.postgres.port}",
            rabbit=f"http://{nodes[0]}:15672",
            broker=",".join(nodes),
            secret=self._secret,
        )

    def token(self, subject: str, **claims: object) -> str:
        asked = {"sub": subject, "age_verified": ADULT_YEARS, **claims}
        answer = httpx.post(f"{self.gateway_url}/issuer/token", json=asked)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def is_running(self, name: str) -> bool:
        """Whether as many instances run as there should be."""
        return self._running(name) == INSTANCES

    def kill(self, name: str) -> str:
        """Kill one instance of a service, or a node, without warning; return which it was."""
        container = self.compose.instances(name)[0]
        _docker("kill", container)
        return container

    def start(self, container: str) -> None:
        """Start what was killed, as whoever watches over containers would."""
        _docker("start", container)

    def unanswered(self) -> list[str]:
        """Return what the gateway wrote about requests that no instance answered."""
        said = self.compose("logs", "--no-color", "gateway").splitlines()
        return [line for line in said if re.search(r'"status":5\d\d', line)]

    def leaders(self) -> Counter[str]:
        """Return how many queues and logs each node leads."""
        return Counter(queue["leader"].partition("@")[2] for queue in self._queues())

    def wait_until_whole(self) -> None:
        """Return once every queue and every log has all its members."""
        wait_until_healthy([it for node in NODES for it in self.compose.instances(node)])
        deadline = time.monotonic() + WHOLE_SECONDS_MAX
        while any(len(queue["online"]) < len(NODES) for queue in self._queues()):
            assert time.monotonic() < deadline, "a node did not come back to every queue"
            time.sleep(POLL_SECONDS)

    def _queues(self) -> list[dict[str, str]]:
        node = next(node for node in NODES if self._runs(node))
        asked = ("list_queues", "-p", "ovation", "name", "leader", "online", "--formatter", "json")
        return list(json.loads(self.compose("exec", "-T", node, "rabbitmqctl", "-q", *asked)))

    def _runs(self, name: str) -> bool:
        return self._running(name) > 0

    def _running(self, name: str) -> int:
        containers = self.compose.instances(name)
        return _docker("inspect", "-f", "{{.State.Running}}", *containers).split().count("true")

    def _place(self, name: str) -> str:
        container = self.compose.instances(name)[0]
        (networks,) = json.loads(_docker("inspect", "-f", "[{{json .NetworkSettings}}]", container))
        ((_, data),) = networks["Networks"].items()
        return str(data["IPAddress"])

    def _secret(self, name: str) -> str:
        return (self.compose.folder / "deploy" / "secrets" / name).read_text().strip()


def _docker(*arguments: str) -> str:
    command = ["docker", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
