"""The gateway sends each path to its service, and hides what is not public."""

import json
import re
import shutil
import socket
import subprocess
import threading
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from deploy.config.services import PUBLIC
from deploy.gateway.answers import ERROR_PAGES
from deploy.gateway.nginx import (
    STRIPPED,
    TOKEN_BURST,
    render,
    render_container,
    render_practice,
    render_whole,
)
from deploy.harness.gateway import CONTRACTS, Gateway
from deploy.harness.packages import find
from deploy.harness.ports import free_port
from deploy.harness.processes import remove_folder, temporary_folder
from shared.identity.tokens import TOKEN_BYTES_MAX

COMPOSE = {name: f"{name}:8000" for name in PUBLIC}
LIMITS = Path(__file__).parent.parent.parent / "deploy" / "gateway" / "limits.conf"
LOCAL = {name: f"127.0.0.1:{20_000 + number}" for number, name in enumerate((*PUBLIC, *STRIPPED))}


def test_fixed_addresses_are_kept_open():
    text = render(LOCAL, listen="127.0.0.1:8080", resolver=None)

    assert "upstream wallet {\n    server 127.0.0.1:20001;\n    keepalive " in text
    assert "proxy_pass http://wallet;" in text
    assert "resolver" not in text


def test_names_are_looked_up_when_they_are_needed():
    text = render(COMPOSE, listen="8080", resolver="127.0.0.11")

    assert "resolver 127.0.0.11 valid=1s;" in text
    assert "set $to_wallet wallet:8000;" in text
    assert "proxy_pass http://$to_wallet;" in text
    assert "\nupstream " not in text


def test_routes_for_practice_are_a_file_of_their_own():
    text = render(COMPOSE, listen="8080", resolver="127.0.0.11")
    practice = render_practice({name: f"{name}:8000" for name in STRIPPED})

    for name in STRIPPED:
        assert f"$to_{name}" not in text
        assert f"proxy_pass http://$to_{name};" in practice


def test_without_practice_nobody_is_asked_for_an_issuer(tmp_path):
    text = render({name: LOCAL[name] for name in PUBLIC}, listen="127.0.0.1:8080", resolver=None)

    (nothing,) = re.findall(r"location ~ \^/\(sandbox\|issuer\)\(/\|\$\) \{([^}]*)\}", text)
    assert "return 404" in nothing


def test_a_service_that_is_not_there_is_unavailable():
    text = render({"wallet": "127.0.0.1:1"}, listen="8080", resolver=None)

    assert (
        "location ~ ^/v1/(rooms|creators(?!/me/earnings)|gifters|entitlements|people)(/|$) {\n"
        "        return 503;" in text
    )


@pytest.mark.skipif(not find("nginx"), reason="needs nginx")
@pytest.mark.parametrize(("upstreams", "resolver"), [(LOCAL, None), (COMPOSE, "127.0.0.11")])
def test_nginx_accepts_it(upstreams, resolver, tmp_path):
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(
        render_whole(render(upstreams, listen="127.0.0.1:29998", resolver=resolver))
    )
    (tmp_path / "temp").mkdir()

    command = [find("nginx"), "-t", "-e", "stderr", "-p", f"{tmp_path}/", "-c", configuration]
    tested = subprocess.run(command, capture_output=True, text=True, check=False)

    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr


@pytest.fixture
def gateway():
    # As a running system has it: nginx's workers are nobody, and have to read what is served.
    folder = temporary_folder("gateway")
    gateway = Gateway(folder, free_port(), LOCAL)
    gateway.start()
    yield gateway
    gateway.stop()
    remove_folder(folder)


@pytest.mark.skipif(not find("nginx"), reason="needs nginx")
def test_the_contracts_are_there_for_pages_and_programs_of_any_origin(gateway):
    served = {
        "/schemas/gift.sent/1.0.json": ("schemas/gift.sent/1.0.json", "application/schema+json"),
        "/asyncapi.json": ("asyncapi.json", "application/json"),
        "/events.md": ("EVENTS.md", "text/markdown; charset=utf-8"),
    }
    for path, (file, kind) in served.items():
        answer = httpx.get(gateway.url + path)
        assert answer.content == (CONTRACTS / file).read_bytes(), path
        assert answer.headers["content-type"] == kind
        assert answer.headers["access-control-allow-origin"] == "*"

    schema = httpx.get(gateway.url + "/schemas/gift.sent/1.0.json")
    assert "immutable" in schema.headers["cache-control"]


@pytest.mark.skipif(not find("nginx"), reason="needs nginx")
@pytest.mark.parametrize(
    "path",
    ["/schemas/gift.sent/1.99.json", "/schemas/", "/schemas/gift.sent/", "/schemas/gift.sent"],
)
def test_a_schema_that_is_not_there_is_a_problem_that_may_be_asked_for_again(gateway, path):
    answer = httpx.get(gateway.url + path)

    assert answer.status_code == 404
    assert json.loads(answer.text)["code"] == "no-such-schema"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "cache-control" not in answer.headers


@pytest.mark.skipif(not find("nginx"), reason="needs nginx")
@pytest.mark.parametrize("path", ["/openapi.json", "/schemas/gift.sent/1.0.json", "/events.md"])
@pytest.mark.parametrize(
    ("method", "headers", "status", "code"),
    [
        ("GET", {"Range": "bytes=9000000-", "Accept-Encoding": "identity"}, 416, "no-such-range"),
        ("GET", {"If-Match": '"another"'}, 412, "precondition-failed"),
        ("POST", {}, 405, "method-not-allowed"),
    ],
)
def test_a_document_that_cannot_be_had_this_way_is_a_problem(
    gateway, path, method, headers, status, code
):
    answer = httpx.request(method, gateway.url + path, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_answer_of_nginx_itself_has_words_of_ours():
    """Of itself it has a page of HTML for each of these; 408 and 444 close the connection."""
    named = {int(status) for page in ERROR_PAGES for status in re.findall(r"\b[45]\d\d\b", page)}

    assert named >= {400, 403, 404, 405, 411, 412, 413, 414, 416, 421}
    assert named >= {494, 495, 496, 497, 500, 501, 502, 503, 504, 505, 507}


@pytest.mark.skipif(not find("nginx"), reason="needs nginx")
def test_nginx_accepts_what_its_container_gets(tmp_path):
    http = render(COMPOSE, listen="29998", resolver="127.0.0.11", limits_file="limits.conf")
    configuration = tmp_path / "nginx.conf"
    # Only the folder differs: this machine's /tmp is not the container's.
    configuration.write_text(render_container(http).replace("/tmp", str(tmp_path)))
    shutil.copy(LIMITS, tmp_path)

    command = [find("nginx"), "-t", "-e", "stderr", "-g", "daemon off;", "-c", configuration]
    tested = subprocess.run(command, capture_output=True, text=True, check=False)

    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr


@pytest.mark.skipif(not find("nginx"), reason="needs nginx")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_instance_that_stops_costs_its_callers_nothing(method, tmp_path):
    """One of two instances takes every request and hangs up, as one that stops may do."""
    tmp_path.chmod(0o755)
    with _instance(hangs_up=True) as stopping, _instance(hangs_up=False) as staying:
        upstreams = {"gift": f"{stopping.address} {staying.address}"}
        gateway = Gateway(tmp_path, free_port(), upstreams)
        gateway.start()
        try:
            answers = [
                httpx.request(method, f"{gateway.url}/v1/gifts", trust_env=False) for _ in range(8)
            ]
        finally:
            gateway.stop()

    assert [answer.status_code for answer in answers] == [200] * 8
    assert stopping.asked > 0


@pytest.mark.skipif(not find("nginx"), reason="needs nginx")
def test_the_one_instance_that_is_left_is_found(tmp_path):
    """Each of five instances may be the only one that answers."""
    tmp_path.chmod(0o755)
    with ExitStack() as ending:
        ends = [ending.enter_context(_instance(hangs_up=number < 4)) for number in range(5)]
        upstreams = {"gift": " ".join(instance.address for instance in ends)}
        gateway = Gateway(tmp_path, free_port(), upstreams)
        gateway.start()
        ending.callback(gateway.stop)
        answer = httpx.post(f"{gateway.url}/v1/gifts", trust_env=False)

    assert answer.status_code == 200


@pytest.fixture
def gateway_to(tmp_path):
    """Start a gateway in front of one instance of gift, with limits if any are given."""
    tmp_path.chmod(0o755)
    started = []

    def start(instance, limits=None):
        file = None
        if limits:
            file = tmp_path / "limits.conf"
            file.write_text(limits)
        gateway = Gateway(
            tmp_path,
            free_port(),
            dict.fromkeys(("gift", "live"), instance.address),
            limits_file=file,
        )
        gateway.start()
        started.append(gateway)
        return gateway.url

    yield start
    for gateway in started:
        gateway.stop()


@pytest.mark.skipif(not find("nginx"), reason="needs nginx")
def test_who_asks_too_often_is_told_when_to_ask_again(gateway_to):
    """The committed limits, made small: a token is stopped, another token is not."""
    limits = LIMITS.read_text().replace("rate=50r/s", "rate=1r/m")
    with _instance(hangs_up=False) as instance, httpx.Client(trust_env=False) as http:
        url = f"{gateway_to(instance, limits)}/v1/gifts"
        mira = {"Authorization": "Bearer mira"}
        asked = [http.get(url, headers=mira) for _ in range(TOKEN_BURST + 2)]
        other = http.get(url, headers={"Authorization": "Bearer jonas"})

    assert [answer.status_code for answer in asked] == [200] * (TOKEN_BURST + 1) + [429]
    assert asked[-1].headers["Retry-After"] == "1"
    assert asked[-1].headers["RateLimit-Policy"] == '"token";q=50;w=1, "address";q=1000;w=1'
    assert "RateLimit-Policy" not in asked[0].headers
    assert asked[-1].headers["Content-Type"] == "application/problem+json"
    assert asked[-1].json()["code"] == "too-many-requests"
    assert other.status_code == 200


def test_what_callers_are_told_are_the_limits_that_hold():
    text = LIMITS.read_text()
    held = re.findall(r"zone=(token|address):\S+ rate=(\d+)r/s", text)

    (told,) = re.findall(r"default '(.*)';", text)
    assert told == ", ".join(f'"{zone}";q={rate};w=1' for zone, rate in held)


@pytest.mark.skipif(not find("nginx"), reason="needs nginx")
def test_what_is_no_page_may_do_nothing_in_a_browser(gateway_to):
    with _instance(hangs_up=False) as instance:
        url = gateway_to(instance)
        secure = {"X-Forwarded-Proto": "https", "Origin": "https://elsewhere.example"}
        answer = httpx.get(f"{url}/v1/gifts", headers=secure, trust_env=False)

    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    # No other site's scripts may read an answer.
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.skipif(not find("nginx"), reason="needs nginx")
def test_no_log_holds_the_token_of_a_feed(gateway_to, tmp_path):
    """Browsers' EventSource sends it in the address; a feed that fails must not be written down."""
    limits = LIMITS.read_text().replace("rate=50r/s", "rate=1r/m")
    with _instance(hangs_up=True) as instance:
        url = f"{gateway_to(instance, limits)}/v1/rooms/lobby/events?access_token=SECRET"
        answers = [httpx.get(url, trust_env=False) for _ in range(TOKEN_BURST + 5)]

    assert {answer.headers["Content-Type"] for answer in answers} == {"text/event-stream"}
    assert instance.asked < len(answers), "some were refused by a limit"
    logs = [file for file in tmp_path.rglob("*.log") if file.is_file()]
    assert logs
    assert not [file for file in logs if "SECRET" in file.read_text(errors="replace")]


@pytest.mark.skipif(not find("nginx"), reason="needs nginx")
def test_a_service_that_is_away_says_when_to_ask_again_once(gateway_to):
    with _instance(hangs_up=True) as instance:
        url = gateway_to(instance)
        answer = httpx.get(f"{url}/v1/gifts", trust_env=False)

    assert answer.status_code == 503
    assert answer.headers.get_list("Retry-After") == ["1"]


_CODED = b"POST %b HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: %b\r\n\r\n%b"


@pytest.mark.skipif(not find("nginx"), reason="needs nginx")
@pytest.mark.parametrize(
    ("request_head", "status", "code"),
    [
        (b"GET /v1/gifts/a%00b HTTP/1.1\r\nHost: here\r\n\r\n", 400, "malformed-request"),
        (b"GET /v1/gifts HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "malformed-request"),
        (b"GET /v1/gifts HTTP/1.1\r\n\r\n", 400, "malformed-request"),
        (b"GET /%b HTTP/1.1\r\nHost: here\r\n\r\n" % (b"a" * 40_000), 400, "malformed-request"),
        (
            b"GET / HTTP/1.1\r\nHost: here\r\nX: %b\r\n\r\n" % (b"a" * 40_000),
            400,
            "malformed-request",
        ),
        (b"GET /v1/gifts HTTP/1.1\r\nHost: here\r\n: x\r\n\r\n", 400, "malformed-request"),
        (_CODED % (b"/v1/gifts", b"chunked", b"no number\r\n"), 400, "malformed-request"),
        (_CODED % (b"/v1/rooms/a/events", b"chunked", b"no number\r\n"), 400, "malformed-request"),
        (_CODED % (b"/v1/gifts", b"gzip", b""), 501, "not-implemented"),
        (b"GET /v1/gifts HTTP/2.0\r\nHost: here\r\n\r\n", 505, "http-version-not-supported"),
        (b"TRACE /v1/gifts HTTP/1.1\r\nHost: here\r\n\r\n", 405, "method-not-allowed"),
    ],
    ids=[
        *("nul", "two hosts", "no host", "long line", "long header", "no name", "chunk"),
        *("chunk of a feed", "coding", "version", "trace"),
    ],
)
def test_what_the_gateway_cannot_take_is_a_problem_like_any_other(
    gateway_to, request_head, status, code
):
    with _instance(hangs_up=False) as instance:
        host, port = gateway_to(instance).removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(request_head)
            head, _, body = _all_from(connection).partition(b"\r\n\r\n")

    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (status, code)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/problem+json" in head


@pytest.mark.skipif(not find("nginx"), reason="needs nginx")
def test_the_longest_token_fits_into_a_header_and_into_the_address_of_a_feed(gateway_to):
    token = "t" * TOKEN_BYTES_MAX
    with _instance(hangs_up=False) as instance:
        url = gateway_to(instance)
        header = httpx.get(f"{url}/v1/gifts", headers={"Authorization": f"Bearer {token}"})
        address = httpx.get(f"{url}/v1/rooms/lobby/events", params={"access_token": token})

    assert (header.status_code, address.status_code) == (200, 200)


def _all_from(connection):
    """Read until the gateway has said enough: a length of its own, or its end."""
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
        if b"}" in received:
            break
    return received


class _Instance(ThreadingHTTPServer):
    hangs_up: bool
    asked = 0

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Instance

    def do_GET(self):
        self.server.asked += 1
        if self.server.hangs_up:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - the library looks for this name

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def _instance(*, hangs_up):
    server = _Instance(("127.0.0.1", 0), _Answers)
    server.hangs_up = hangs_up
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
