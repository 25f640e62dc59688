"""Object storage that speaks the API of S3: rclone's server (MIT), over a folder of the test's."""

import sys
from contextlib import contextmanager
from pathlib import Path

from deploy.harness.ports import free_port, listens
from deploy.harness.processes import Process

KEY, SECRET = "a-key", "a-secret"
START_SECONDS_MAX = 60


class Bucket:
    """A bucket, whose files a test sees as files."""

    def __init__(self, folder):
        self.folder = folder / "buckets" / "archives"
        self.folder.mkdir(parents=True)
        self._port = free_port()
        self._server = Process(
            name="rclone",
            command=[
                *(str(Path(sys.executable).with_name("rclone")), "serve", "s3"),
                *("--config", "/dev/null", "--addr", f"127.0.0.1:{self._port}"),
                *("--auth-key", f"{KEY},{SECRET}", str(self.folder.parent)),
            ],
            log=folder / "rclone.log",
        )

    def address(self, prefix="ovation"):
        where = f"scheme=http&region=us-east-1&endpoint_override=127.0.0.1:{self._port}"
        return f"s3://archives/{prefix}?{where}"

    def start(self):
        self._server.start()
        self._server.wait_until(lambda: listens(self._port), seconds_max=START_SECONDS_MAX)

    def kill(self):
        self._server.kill()


@contextmanager
def a_bucket(folder, monkeypatch):
    """Serve a bucket; this process has the key, as AWS's own tools find it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    bucket = Bucket(folder)
    bucket.start()
    try:
        yield bucket
    finally:
        bucket.kill()
