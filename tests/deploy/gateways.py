"""A gateway as it is deployed, in front of a service that says what it was asked."""

import gzip
import json
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.config.services import PUBLIC
from deploy.harness.gateway import Gateway
from deploy.harness.packages import find
from deploy.harness.ports import free_port

ROOT = Path(__file__).parent.parent.parent
LIMITS = (ROOT / "deploy" / "gateway" / "limits.conf").read_text()
FEED = "/v1/rooms/lobby/events"
# What web compresses once, and what it says.
PACKED, SAID = "/static/packed.js", b"export default 1;\n" * 200
# What a feed says first, and nothing after it.
GREETING = b"retry: 2000\n\n"

needs_nginx = pytest.mark.skipif(not find("nginx"), reason="needs nginx")


class Service(ThreadingHTTPServer):
    """Answers with the headers it was sent; follows rooms; refuses with a status, or hangs up."""

    daemon_threads = True
    request_queue_size = 512
    status = 200
    hangs_up = False
    asked = 0
    following = 0

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_GET(self):
        self.server.asked += 1
        if self.server.hangs_up:
            self.close_connection = True
            return
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.status == 200 and self.path.partition("?")[0] == FEED:
            self._follow()
            return
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(self.server.status)
        if self.path == PACKED:
            body = gzip.compress(SAID, 9, mtime=0)
            self.send_header("Content-Type", "text/javascript")
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Vary", "Accept-Encoding")
            self.send_header("ETag", '"packed"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the library looks for this name

    def _follow(self):
        """As live does: headers that ask for no buffering, a greeting, then a quiet room."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store, no-transform")
        self.send_header("X-Accel-Buffering", "no")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(GREETING), GREETING))
        self.wfile.flush()
        self.server.following += 1
        # Until whoever follows leaves, or breaks off.
        with suppress(ConnectionError):
            self.rfile.read(1)
        self.server.following -= 1
        self.close_connection = True

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def a_service(status=200, *, hangs_up=False):
    service = Service(("127.0.0.1", 0), _Answers)
    service.status, service.hangs_up = status, hangs_up
    thread = threading.Thread(target=service.serve_forever)
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        thread.join()
        service.server_close()


@contextmanager
def a_gateway(folder, *instances, limits=None):
    """A running gateway before instances of one service for everything; returns its address."""
    folder.chmod(0o755)
    file = None
    if limits is not None:
        file = folder / "limits.conf"
        file.write_text(limits)
    upstreams = dict.fromkeys(PUBLIC, " ".join(each.address for each in instances))
    gateway = Gateway(folder, free_port(), upstreams, limits_file=file)
    gateway.start()
    try:
        yield gateway.url
    finally:
        gateway.stop()
