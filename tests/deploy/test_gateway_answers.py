"""What the gateway answers of itself, and how it goes on when an instance hangs up."""

import json
import re
import socket
from contextlib import ExitStack

import httpx
import pytest

from deploy.gateway.nginx import TOKEN_BURST
from shared.identity.tokens import TOKEN_BYTES_MAX
from tests.deploy.gateways import FEED, LIMITS, a_gateway, a_service, needs_nginx

pytestmark = needs_nginx
# The committed limits, made small.
STRICT = LIMITS.replace("rate=50r/s", "rate=1r/m")


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A gateway before a service that is well."""
    folder = tmp_path_factory.mktemp("gateway")
    with a_service() as service, a_gateway(folder, service) as url:
        yield url


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_instance_that_stops_costs_its_callers_nothing(method, tmp_path):
    """One of two instances takes every request and hangs up, as one that stops may do."""
    with (
        a_service(hangs_up=True) as stopping,
        a_service() as staying,
        a_gateway(tmp_path, stopping, staying) as url,
    ):
        answers = [httpx.request(method, f"{url}/v1/gifts", trust_env=False) for _ in range(8)]

    assert [answer.status_code for answer in answers] == [200] * 8
    assert stopping.asked > 0


def test_the_one_instance_that_is_left_is_found(tmp_path):
    """Each of five instances may be the only one that answers."""
    with ExitStack() as ending:
        ends = [ending.enter_context(a_service(hangs_up=number < 4)) for number in range(5)]
        url = ending.enter_context(a_gateway(tmp_path, *ends))
        answer = httpx.post(f"{url}/v1/gifts", trust_env=False)

    assert answer.status_code == 200


def test_who_asks_too_often_is_told_when_to_ask_again(tmp_path):
    """A token is stopped, another token is not."""
    with (
        a_service() as service,
        a_gateway(tmp_path, service, limits=STRICT) as url,
        httpx.Client(base_url=url, trust_env=False) as http,
    ):
        mira = {"Authorization": "Bearer mira"}
        asked = [http.get("/v1/gifts", headers=mira) for _ in range(TOKEN_BURST + 2)]
        other = http.get("/v1/gifts", headers={"Authorization": "Bearer jonas"})

    assert [answer.status_code for answer in asked] == [200] * (TOKEN_BURST + 1) + [429]
    assert asked[-1].headers["Retry-After"] == "1"
    assert asked[-1].headers["RateLimit-Policy"] == '"token";q=50;w=1, "address";q=1000;w=1'
    assert "RateLimit-Policy" not in asked[0].headers
    assert asked[-1].headers["Content-Type"] == "application/problem+json"
    assert asked[-1].json()["code"] == "too-many-requests"
    assert other.status_code == 200


def test_what_callers_are_told_are_the_limits_that_hold():
    held = re.findall(r"zone=(token|address):\S+ rate=(\d+)r/s", LIMITS)

    (told,) = re.findall(r"default '(.*)';", LIMITS)
    assert told == ", ".join(f'"{zone}";q={rate};w=1' for zone, rate in held)


def test_what_is_no_page_may_do_nothing_in_a_browser(url):
    secure = {"X-Forwarded-Proto": "https", "Origin": "https://elsewhere.example"}
    answer = httpx.get(f"{url}/v1/gifts", headers=secure, trust_env=False)

    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    # No other site's scripts may read an answer.
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_no_log_holds_the_token_of_a_feed(tmp_path):
    """Browsers' EventSource sends it in the address; a feed that fails must not be written down."""
    with (
        a_service(hangs_up=True) as service,
        a_gateway(tmp_path, service, limits=STRICT) as url,
        httpx.Client(base_url=url, trust_env=False) as http,
    ):
        feed = f"{FEED}?access_token=SECRET"
        answers = [http.get(feed) for _ in range(TOKEN_BURST + 5)]

    assert {answer.headers["Content-Type"] for answer in answers} == {"text/event-stream"}
    assert service.asked < len(answers), "some were refused by a limit"
    logs = [file for file in tmp_path.rglob("*.log") if file.is_file()]
    assert logs
    assert not [file for file in logs if "SECRET" in file.read_text(errors="replace")]


def test_a_service_that_is_away_says_when_to_ask_again_once(tmp_path):
    with a_service(hangs_up=True) as service, a_gateway(tmp_path, service) as url:
        answer = httpx.get(f"{url}/v1/gifts", trust_env=False)

    assert answer.status_code == 503
    assert answer.headers.get_list("Retry-After") == ["1"]


_CODED = b"POST %b HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: %b\r\n\r\n%b"


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
def test_what_the_gateway_cannot_take_is_a_problem_like_any_other(url, request_head, status, code):
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request_head)
        head, _, body = _all_from(connection).partition(b"\r\n\r\n")

    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (status, code)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/problem+json" in head


def test_the_longest_token_fits_into_a_header_and_into_the_address_of_a_feed(url):
    token = "t" * TOKEN_BYTES_MAX
    header = httpx.get(f"{url}/v1/gifts", headers={"Authorization": f"Bearer {token}"})
    with httpx.stream("GET", f"{url}{FEED}", params={"access_token": token}) as address:
        assert (header.status_code, address.status_code) == (200, 200)


def _all_from(connection):
    """Read until the gateway has said enough: a length of its own, or its end."""
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
        if b"}" in received:
            break
    return received
