"""The gateway sends each path to its service, and hides what is not public."""

import subprocess

import pytest

from deploy.gateway.nginx import UPSTREAMS, render, render_whole
from deploy.local.packages import find

COMPOSE = {name: f"{name}:8000" for name in UPSTREAMS}
LOCAL = {name: f"127.0.0.1:{20_000 + number}" for number, name in enumerate(UPSTREAMS)}


def test_fixed_addresses_are_kept_open():
    text = render(LOCAL, listen="127.0.0.1:8080", resolver=None)

    assert "upstream wallet {\n    server 127.0.0.1:20001;\n    keepalive " in text
    assert "proxy_pass http://wallet;" in text
    assert "resolver" not in text


def test_names_are_looked_up_when_they_are_needed():
    text = render(COMPOSE, listen="8080", resolver="127.0.0.11")

    assert "resolver 127.0.0.11 valid=5s;" in text
    assert "set $to_sandbox sandbox:8000;" in text
    assert "proxy_pass http://$to_sandbox;" in text
    assert "upstream " not in text


def test_a_service_that_is_not_there_is_unavailable():
    text = render({"wallet": "127.0.0.1:1"}, listen="8080", resolver=None)

    assert (
        "location ~ ^/v1/(rooms|creators|gifters|entitlements)(/|$) {\n        return 503;" in text
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
