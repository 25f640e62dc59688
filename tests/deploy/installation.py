"""An installation of its own in Docker Compose, from nothing, in a folder like a fresh clone."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from deploy.config.secret_files import write_secrets
from deploy.config.services import ROLLED
from deploy.ctl.roll import Compose, wait_until_healthy
from deploy.harness.ports import free_port

ROOT = Path(__file__).parent.parent.parent
PRACTICE = "deploy/compose.practice.yml"
STAYING = (*ROLLED, "gateway", "postgres", "rabbitmq", "sandbox", "issuer")


@contextmanager
def installed(
    parent: Path,
    *,
    version: str,
    overlays: Sequence[str] = (),
    staying: Sequence[str] = STAYING,
) -> Iterator[tuple[Compose, str]]:
    """Build everything, start it, wait until it is healthy; yield it with its address; end it."""
    folder = parent / f"ovation{uuid4().hex[:6]}"
    _copy_of_everything(folder)
    write_secrets(folder / "deploy" / "secrets", folder / "deploy" / "rabbitmq" / "20-users.json")
    port = free_port()
    wanted = {
        "OVATION_PORT": str(port),
        "OVATION_PUBLIC_URL": f"http://localhost:{port}",
        "OVATION_VERSION": version,
        **_practice_settings(),
    }
    with _environment(wanted):
        compose = Compose(folder, files=(PRACTICE, *overlays))
        try:
            compose("up", "--detach", "--build")
            # What `--wait` does in Compose 2, for 1.29 as well.
            wait_until_healthy([it for name in staying for it in compose.instances(name)])
            yield compose, f"http://localhost:{port}"
        finally:
            compose("down", "--volumes", "--timeout", "5")


def _practice_settings() -> dict[str, str]:
    lines = (ROOT / "deploy" / "practice.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _copy_of_everything(folder: Path) -> None:
    """Copy what a fresh clone would have; what git ignores is somebody's own."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, folder / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


@contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
