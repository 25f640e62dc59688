"""A collector of traces: what any OTLP backend takes, kept where a test can look at it."""

import gzip
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Seen:
    """One span, as it arrived."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, object]
    whole: str


class Collector(ThreadingHTTPServer):
    """Takes spans over OTLP/HTTP; once `silent`, it takes connections and never answers."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans = []
        self.silent = threading.Event()
        self.closing = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def trace(self, trace):
        return [span for span in list(self.spans) if span.trace == trace]

    def take(self, body):
        request = ExportTraceServiceRequest.FromString(body)
        for of_service in request.resource_spans:
            about = _plain(of_service.resource.attributes)
            for scope in of_service.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        Seen(
                            service=about["service.name"].removeprefix("ovation-"),
                            name=span.name,
                            trace=span.trace_id.hex(),
                            id=span.span_id.hex(),
                            parent=span.parent_span_id.hex(),
                            attributes=_plain(span.attributes),
                            whole=f"{of_service.resource} {span}",
                        )
                    )


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.silent.is_set():
            self.server.closing.wait()
            return
        packed = self.headers.get("Content-Encoding") == "gzip"
        self.server.take(gzip.decompress(body) if packed else body)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Say nothing about each request."""


def _plain(attributes):
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value")
        for each in attributes
    }


@contextmanager
def collecting():
    collector = Collector()
    thread = threading.Thread(target=collector.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.closing.set()
        collector.shutdown()
        collector.server_close()
        thread.join()
