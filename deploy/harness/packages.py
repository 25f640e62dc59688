"""System packages that are missing here: installed when we may, named when we may not."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.harness.processes import ServerFailed

# Processes beside us, as tests, may miss the same package at the same moment.
LOCK = Path("/run/ovation-packages.lock")
LOCK_SECONDS_MAX = 180
POLICY = Path("/usr/sbin/policy-rc.d")
# Debian's convention for "do not start what was just installed".
NEVER_START = "#!/bin/sh\nexit 101\n"
# sbin is not on everyone's PATH.
PLACES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")


def require(program: str, package: str) -> Path:
    """Return where the program is, after installing its package if it is missing."""
    if path := find(program):
        return path
    _say_if_we_may_not(package)
    with _alone():
        if path := find(program):
            return path
        _install(package)
    if path := find(program):
        return path
    raise ServerFailed(f"{package} was installed, but there is no {program}")


def find(program: str) -> Path | None:
    found = shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), *PLACES]))
    return Path(found) if found else None


def _say_if_we_may_not(package: str) -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ServerFailed(
            f"{package} is missing. Install it (Debian, Ubuntu: `sudo apt-get install {package}`),"
            " or start a Docker engine, or give the servers' addresses in OVATION_SERVERS."
        )


def _install(package: str) -> None:
    update = ["apt-get", "update", "-qq"]
    options = ["-y", "-qq", "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS_MAX}"]
    install = ["apt-get", "install", *options, "--no-install-recommends", package]
    print(f"{package} is missing. Running: {' '.join(update)} && {' '.join(install)}", flush=True)
    with _nothing_starts():
        _run(update)
        _run(install)


@contextmanager
def _alone() -> Iterator[None]:
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _nothing_starts() -> Iterator[None]:
    """Where systemd runs, the package would start a server on its default port."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(NEVER_START)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _run(command: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise ServerFailed(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
