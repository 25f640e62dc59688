"""A server of an issuer's keys, over HTTP or TLS."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"
KEYS = b'{"keys": []}'


class IssuerServer(ThreadingHTTPServer):
    """Publishes bodies at paths, and moves others; what it does not know it answers with 404."""

    def __init__(self, certified=None):
        super().__init__((HOST, 0), _Handler)
        self.bodies = {"/keys": KEYS}
        self.moved = {}
        self.asked = []
        self.never_ends = threading.Event()
        if certified is not None:
            self.socket = certified.wrap_socket(self.socket, server_side=True)
        scheme = "http" if certified is None else "https"
        self.url = f"{scheme}://{HOST}:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self):
        self.never_ends.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, str(self.headers)))
        if self.path == "/drips":
            self._answer_in_drops()
        elif self.path in self.server.moved:
            self.send_response(301)
            self.send_header("Location", self.server.moved[self.path])
            self.end_headers()
        elif self.path in self.server.bodies:
            body = self.server.bodies[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_error(404)

    def _answer_in_drops(self):
        self.send_response(200)
        self.end_headers()
        while not self.server.never_ends.wait(0.02):
            try:
                self.wfile.write(b" ")
            except OSError:
                return

    def log_message(self, *_):
        """Say nothing about each request."""
