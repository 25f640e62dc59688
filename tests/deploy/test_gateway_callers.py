"""One caller is one caller however they write their token, and costs no other one anything."""

import secrets
import socket
from contextlib import ExitStack
from itertools import cycle, islice

import httpx
import pytest

from deploy.gateway.callers import FEEDS_MAX, TIMEOUTS
from deploy.gateway.nginx import ADDRESS_BURST, TOKEN_BURST
from tests.deploy.gateways import FEED, GREETING, LIMITS, a_gateway, a_service, needs_nginx

pytestmark = needs_nginx

# A caller has only their burst, and an address as much as it likes.
SLOW = LIMITS.replace("rate=50r/s", "rate=1r/m").replace("rate=1000r/s", "rate=1000000r/s")
# Answered by the gateway itself, and counted like anything else.
COUNTED = "/schemas/none"
SMALL = LIMITS.replace("zone=token:16m", "zone=token:64k").replace("1000r/s", "1000000r/s")


def a_token(length=700):
    """Something of a token's letters, with an end of its own."""
    return f"{secrets.token_urlsafe(length)[: length - 43]}{secrets.token_urlsafe(32)}"


@pytest.fixture
def http():
    with httpx.Client(trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def before(tmp_path):
    """Open gateways before a service, as they are closed at the end of the test."""
    with ExitStack() as ending:
        service = ending.enter_context(a_service())

        def start(limits):
            return ending.enter_context(a_gateway(tmp_path, service, limits=limits))

        yield start


def test_a_token_is_counted_the_same_however_it_arrives(before, http):
    url, token = before(SLOW), a_token()
    spelt = [
        (f"{url}/v1/gifts", {"Authorization": f"Bearer {token}"}),
        (f"{url}/v1/gifts", {"Authorization": f"bEARER {token}"}),
        (f"{url}/v1/wallets/me", {"Authorization": f"Bearer {token}"}),
        (f"{url}/v1/gifts?access_token={token}", {}),
        (f"{url}/v1/gifts?ACCESS_TOKEN=other&access_token={token}&a=b", {}),
    ]

    asked = [
        http.get(address, headers=headers).status_code
        for address, headers in islice(cycle(spelt), TOKEN_BURST + 20)
    ]

    assert asked.count(200) == TOKEN_BURST + 1
    assert set(asked) == {200, 429}
    assert http.get(f"{url}/v1/gifts", headers={"Authorization": f"Bearer {a_token()}"}).is_success


@pytest.mark.parametrize(
    "spelt",
    ["Bearer  {}", "Bearer\t{}", "Bearer {} x", "Bearer", "Basic {}", "Bearer {},", "{}", 'B"{}'],
)
def test_another_spelling_of_a_token_is_none(before, http, spelt):
    url = before(LIMITS)
    answer = http.get(f"{url}/v1/gifts", headers={"Authorization": spelt.format(a_token())})

    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert (answer.json()["code"], answer.json()["reason"]) == ("unauthenticated", "malformed")


def test_who_signs_instead_of_bearing_a_token_may_write_what_they_like(before, http):
    url, basic = before(LIMITS), {"Authorization": "Basic bTpt"}

    for path in ("/v1/webhooks/sandbox/payments", "/v1/callbacks/tencent", "/wallet"):
        assert http.post(url + path, headers=basic).status_code == 200, path


def test_a_zone_full_of_strangers_refuses_nobody(before, http):
    """Many times more tokens than it holds, of every length, made up or real, in both places."""
    url = before(SMALL)
    seen = set()
    for number in range(2_000):
        made_up = number % 5 == 0
        token = secrets.token_hex(number % 15 + 1) if made_up else a_token(43 + number * 7 % 1_900)
        where = {"headers": {"Authorization": f"Bearer {token}"}}
        where = where if number % 2 else {"params": {"access_token": token}}
        seen.add(http.get(url + COUNTED, **where).status_code)

    assert seen == {404}


def test_headers_that_are_no_tokens_take_no_room(before, http):
    url = before(SMALL)
    for _ in range(1_000):
        http.get(url + COUNTED, headers={"Authorization": secrets.token_urlsafe(700)})

    answers = [
        http.get(url + COUNTED, headers={"Authorization": f"Bearer {a_token(1_500)}"})
        for _ in range(200)
    ]
    assert {answer.status_code for answer in answers} == {404}


def test_whoever_has_a_network_of_ipv6_is_one_address(before, http):
    """The addresses come from a proxy in front, as start.sh lets it say them."""
    limits = LIMITS.replace("rate=1000r/s", "rate=1r/m")
    url = before(f"{limits}\nset_real_ip_from 127.0.0.1;\nreal_ip_header X-Forwarded-For;\n")

    def ask(address):
        return http.get(url + COUNTED, headers={"X-Forwarded-For": address}).status_code

    asked = [ask(f"2001:db8:1:2:{number:x}::1") for number in range(ADDRESS_BURST + 10)]

    assert asked.count(404) == ADDRESS_BURST + 1
    assert ask("2001:db8:1:3::1") == 404
    assert ask("192.0.2.1") == 404


def test_so_many_feeds_a_token_and_others_have_theirs(before, http):
    url, reading = before(LIMITS), []
    with ExitStack() as open_feeds:

        def follow(token, *, in_address=False):
            """Open a feed and read its beginning; return the answer."""
            asked = {"params": {"access_token": token}} if in_address else {}
            asked |= {} if in_address else {"headers": {"Authorization": f"Bearer {token}"}}
            answer = open_feeds.enter_context(http.stream("GET", url + FEED, **asked))
            reading.append(answer.iter_raw())
            assert next(reading[-1]) == GREETING
            return answer

        mine = a_token()
        held = [follow(mine, in_address=number % 2 == 0) for number in range(FEEDS_MAX)]
        one_more = [http.get(url + FEED, headers={"Authorization": f"Bearer {mine}"})]
        one_more += [http.get(f"{url}{FEED}?access_token={mine}")]
        other = follow(a_token())

    assert not [answer for answer in (*held, other) if "Retry-After" in answer.headers]
    for answer in one_more:
        assert (answer.status_code, answer.text) == (200, "retry: 2000\n\n")
        assert answer.headers["Retry-After"] == "2"


def test_who_does_not_say_what_they_want_makes_room_for_others(tmp_path, monkeypatch):
    monkeypatch.setattr("deploy.gateway.nginx.TIMEOUTS", ("client_header_timeout 1s;",))
    with a_service() as service, a_gateway(tmp_path, service, limits=LIMITS) as url:
        host, port = url.removeprefix("http://").split(":")
        # The test waits for 30 s, nginx by itself for 60.
        with socket.create_connection((host, int(port)), timeout=60) as slow:
            slow.sendall(b"GET /v1/gifts HTTP/1.1\r\nHost: here\r\nX-Slow: ")
            # nginx says nothing more to who has said nothing whole.
            assert slow.recv(100) in (b"", b"HTTP/1.1 408 ")


def test_nobody_may_take_their_time_for_ever():
    settings = dict(line.rstrip(";").split() for line in TIMEOUTS)
    for name in ("client_header_timeout", "client_body_timeout", "send_timeout"):
        assert int(settings[name].removesuffix("s")) <= 30
    assert settings["reset_timedout_connection"] == "on"
