"""TLS in front of the gateway, as deploy/compose.tls.yml has it: a real Caddy, and our nginx."""

import os
import re
import signal
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager

import httpx
import pytest
import yaml

from deploy.harness.packages import require
from deploy.harness.ports import free_port, listens
from deploy.harness.processes import ServerFailed
from tests.deploy.gateways import FEED, GREETING, LIMITS, ROOT, a_gateway, a_service, needs_nginx

FILE = ROOT / "deploy" / "gateway" / "Caddyfile"
OVERLAY = yaml.safe_load((ROOT / "deploy" / "compose.tls.yml").read_text())
TLS = OVERLAY["services"]["tls"]
SOON_SECONDS = 20
STRANGER = {
    "X-Forwarded-For": "198.51.100.7",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
}

pytestmark = needs_nginx


@pytest.fixture(scope="module")
def caddy():
    try:
        return str(require("caddy", "caddy"))
    except ServerFailed as error:
        pytest.skip(f"NO CADDY, so nothing in front of the gateway was tried: {error}")


@pytest.fixture(scope="module")
def site(caddy, tmp_path_factory):
    """The address of https, that of http, and what the service behind both was asked."""
    with (
        a_service() as service,
        a_gateway(tmp_path_factory.mktemp("gateway"), service, limits=LIMITS) as gateway,
        _caddy(caddy, tmp_path_factory.mktemp("caddy"), gateway) as ports,
    ):
        yield *ports, service


@contextmanager
def _caddy(program, folder, gateway):
    http, https, health = (free_port() for _ in range(3))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "OVATION_DOMAIN": "localhost",
        "OVATION_TLS_ISSUER": "internal",
        "OVATION_TLS_GATEWAY": gateway.removeprefix("http://"),
        "OVATION_TLS_HTTP_PORT": str(http),
        "OVATION_TLS_HTTPS_PORT": str(https),
        "OVATION_TLS_HEALTH_PORT": str(health),
    }
    command = [program, "run", "--config", FILE, "--adapter", "caddyfile"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _until(lambda: listens(https) and listens(http) and _signed(https))
        yield http, https, health
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(2 * SOON_SECONDS)


def _until(holds):
    until = time.monotonic() + SOON_SECONDS
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def _context():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def _signed(port):
    try:
        with (
            socket.create_connection(("127.0.0.1", port), SOON_SECONDS) as plain,
            _context().wrap_socket(plain, server_hostname="localhost") as line,
        ):
            return line.selected_alpn_protocol()
    except ssl.SSLError:
        return None


@contextmanager
def _asking(port):
    with httpx.Client(
        base_url=f"https://localhost:{port}", verify=False, trust_env=False, timeout=SOON_SECONDS
    ) as client:
        yield client


def test_browsers_get_http_2(site):
    _, https, *_ = site

    assert _signed(https) == "h2"


def test_http_is_sent_on_to_https(site):
    http, https, *_ = site
    url = f"http://localhost:{http}/wallet?page=2"

    answer = httpx.get(url, trust_env=False, follow_redirects=False)

    assert answer.status_code in {301, 308}
    assert answer.headers["location"] in {
        f"https://localhost:{https}/wallet?page=2",
        "https://localhost/wallet?page=2",
    }


def test_what_a_stranger_says_about_its_address_reaches_no_service(site):
    _, https, *_ = site

    with _asking(https) as client:
        heard = client.get("/", headers=STRANGER).json()

    assert "198.51.100.7" not in str(heard)
    assert "evil.example" not in str(heard)
    assert heard["x-forwarded-proto"] == "https"
    assert heard["x-forwarded-host"] == f"localhost:{https}" == heard["host"]


def test_a_browser_stays_with_https(site):
    """The gateway says so, once it is told that its caller came by https."""
    _, https, *_ = site

    with _asking(https) as client:
        assert client.get("/").headers["strict-transport-security"].startswith("max-age=")


def test_an_event_of_a_feed_goes_on_at_once_and_who_leaves_it_is_gone(site):
    _, https, _, service = site

    with _asking(https) as client, client.stream("GET", FEED) as answer:
        # Kept: an iterator that nobody holds closes its answer.
        parts = answer.iter_raw()
        assert next(parts) == GREETING
        _until(lambda: service.following == 1)

    _until(lambda: service.following == 0)


def test_its_health_is_that_of_the_whole_way(site):
    _, _, health, _ = site

    assert httpx.get(f"http://127.0.0.1:{health}/", trust_env=False).status_code == 200
    assert TLS["healthcheck"]["test"][-1] == "http://127.0.0.1:2080/"


def test_it_does_not_say_that_it_is_well_when_no_service_answers(caddy, tmp_path):
    with (
        a_service(status=503) as service,
        a_gateway(tmp_path, service) as gateway,
        _caddy(caddy, tmp_path, gateway) as (_, _, health),
    ):
        answer = httpx.get(f"http://127.0.0.1:{health}/", trust_env=False, timeout=SOON_SECONDS)

    assert answer.status_code == 503


def test_the_gateway_believes_caddy_and_nobody_else():
    network = OVERLAY["networks"]["tls"]
    own = TLS["networks"]["tls"]["ipv4_address"]

    assert OVERLAY["services"]["gateway"]["environment"]["OVATION_TRUSTED_PROXIES"] == own
    assert own.removesuffix(".2") == network["ipam"]["config"][0]["subnet"].removesuffix(".0/29")
    assert network["internal"] is True
    others = [name for name, it in OVERLAY["services"].items() if "tls" in it["networks"]]
    assert others == ["tls", "gateway"]


def test_it_is_confined_and_says_what_it_needs():
    assert TLS["cap_drop"] == ["ALL"]
    assert TLS["cap_add"] == ["NET_BIND_SERVICE"]
    assert TLS["read_only"] is True
    assert TLS["mem_limit"]
    assert TLS["pids_limit"]
    assert TLS["environment"]["OVATION_DOMAIN"].startswith("${OVATION_DOMAIN:?")
    # Every variable that Compose passes on is one that Caddy's file reads.
    read = set(re.findall(r"\{\$([A-Z_]+)", FILE.read_text()))
    assert set(TLS["environment"]) <= read
