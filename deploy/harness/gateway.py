"""A private nginx in front of the services, with the configuration that production has."""

import gzip
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from deploy.gateway.nginx import render, render_whole
from deploy.harness.packages import require
from deploy.harness.ports import listens
from deploy.harness.processes import Process

ROOT = Path(__file__).parent.parent.parent
OPENAPI_FILE = ROOT / "deploy" / "gateway" / "openapi.json"
CONTRACTS = ROOT / "shared" / "contracts"
# What the gateway serves itself.
DOCUMENTS = (OPENAPI_FILE, CONTRACTS / "asyncapi.json", CONTRACTS / "EVENTS.md")
SCHEMAS = CONTRACTS / "schemas"
START_SECONDS_MAX = 10


class Gateway:
    """nginx below a folder of ours, on a port of this machine."""

    def __init__(
        self,
        folder: Path,
        port: int,
        upstreams: Mapping[str, str],
        *,
        limits_file: Path | None = None,
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._limits_file = limits_file
        self._prefix = prefix = folder / "gateway"
        # nginx's workers are not root: they have to read what is served and write what is buffered.
        for place in (prefix, prefix / "temp"):
            place.mkdir(mode=0o755)
        _copy_documents(prefix / "documents")
        _copy_schemas(prefix / "contracts")
        self._write(upstreams)
        nginx = require("nginx", "nginx-light")
        self._process = Process(
            name="nginx",
            command=[
                str(nginx),
                "-e",
                "stderr",
                "-p",
                f"{prefix}/",
                "-c",
                str(self._configuration),
            ],
            log=folder / "gateway.log",
        )

    def start(self) -> None:
        self._process.start()
        self._process.wait_until(lambda: listens(self._port), seconds_max=START_SECONDS_MAX)

    def ask(self, upstreams: Mapping[str, str]) -> None:
        """Forward to these instances from now on; open connections stay open."""
        self._write(upstreams)
        os.kill(self._process.pid, signal.SIGHUP)

    def stop(self) -> None:
        self._process.stop()

    def kill(self) -> None:
        self._process.kill()

    @property
    def _configuration(self) -> Path:
        return self._prefix / "nginx.conf"

    def _write(self, upstreams: Mapping[str, str]) -> None:
        http = render(
            upstreams,
            listen=f"127.0.0.1:{self._port}",
            resolver=None,
            documents_folder=str(self._prefix / "documents"),
            contracts_folder=str(self._prefix / "contracts"),
            limits_file=str(self._limits_file) if self._limits_file else None,
        )
        self._configuration.write_text(render_whole(http))


def _copy_documents(folder: Path) -> None:
    """Put documents where nginx's workers may read them, and compressed, as start.sh does."""
    folder.mkdir(mode=0o755)
    for document in DOCUMENTS:
        if document.exists():
            text = document.read_bytes()
            (folder / document.name).write_bytes(text)
            (folder / f"{document.name}.gz").write_bytes(gzip.compress(text, 9, mtime=0))


def _copy_schemas(folder: Path) -> None:
    """Copy what is served: nginx's workers may not read below our home folder."""
    folder.mkdir(mode=0o755)
    if SCHEMAS.exists():
        shutil.copytree(SCHEMAS, folder / SCHEMAS.name)
