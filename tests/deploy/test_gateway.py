"""The gateway sends each path to its service, and hides what is not public."""

import json
import re
import subprocess

import httpx
import pytest

from deploy.config.services import PUBLIC
from deploy.gateway.answers import ERROR_PAGES
from deploy.gateway.nginx import (
    STRIPPED,
    render,
    render_container,
    render_practice,
    render_whole,
)
from deploy.harness.gateway import CONTRACTS, Gateway
from deploy.harness.packages import find
from deploy.harness.ports import free_port
from deploy.harness.processes import remove_folder, temporary_folder
from tests.deploy.gateways import LIMITS, needs_nginx

COMPOSE = {name: f"{name}:8000" for name in PUBLIC}
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


@needs_nginx
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


@pytest.fixture(scope="module")
def gateway():
    # As a running system has it: nginx's workers are nobody, and have to read what is served.
    folder = temporary_folder("gateway")
    gateway = Gateway(folder, free_port(), LOCAL)
    gateway.start()
    yield gateway
    gateway.stop()
    remove_folder(folder)


@needs_nginx
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


@needs_nginx
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


@needs_nginx
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


@needs_nginx
def test_nginx_accepts_what_its_container_gets(tmp_path):
    http = render(COMPOSE, listen="29998", resolver="127.0.0.11", limits_file="limits.conf")
    configuration = tmp_path / "nginx.conf"
    # Only the folder differs: this machine's /tmp is not the container's.
    configuration.write_text(render_container(http).replace("/tmp", str(tmp_path)))
    (tmp_path / "limits.conf").write_text(LIMITS)

    command = [find("nginx"), "-t", "-e", "stderr", "-g", "daemon off;", "-c", configuration]
    tested = subprocess.run(command, capture_output=True, text=True, check=False)

    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr
