"""Feeds come through whatever is between a viewer and us, and are had again after a pause."""

from contextlib import ExitStack

import httpx
import pytest

from deploy.harness.packages import find
from deploy.harness.ports import free_port, listens
from deploy.harness.processes import Process
from tests.deploy.gateways import FEED, GREETING, a_gateway, a_service, needs_nginx

pytestmark = needs_nginx

# Nothing but what it takes to pass requests on, as most people write it.
ANOTHER_NGINX = """\
daemon off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path temp/body;
    proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            {more}
            proxy_pass {url};
        }}
    }}
}}
"""


@pytest.fixture
def ending():
    with ExitStack() as ending:
        yield ending


@pytest.fixture
def behind_another(ending, tmp_path):
    """Put an nginx of somebody else's in front of a gateway; returns its address."""

    def start(url, more=""):
        port, folder = free_port(), tmp_path / "another"
        (folder / "temp").mkdir(parents=True, mode=0o755)
        (folder / "nginx.conf").write_text(ANOTHER_NGINX.format(port=port, url=url, more=more))
        command = [str(find("nginx")), "-e", "stderr", "-p", f"{folder}/", "-c", "nginx.conf"]
        process = Process(name="another", command=command, log=folder / "log")
        process.start()
        ending.callback(process.stop)
        process.wait_until(lambda: listens(port), seconds_max=10)
        return f"http://127.0.0.1:{port}"

    return start


def test_a_feed_comes_through_a_second_proxy_as_it_is_written(ending, tmp_path, behind_another):
    service = ending.enter_context(a_service())
    url = behind_another(ending.enter_context(a_gateway(tmp_path, service)))

    with httpx.stream("GET", url + FEED, timeout=15, trust_env=False) as answer:
        # The feed goes on, and nothing follows: who buffers would wait for more.
        heard = next(answer.iter_raw())

    assert heard == GREETING
    assert "no-transform" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("said", "kept"), [("https", "https"), ("http", "http"), ("gopher", "http"), ("", "http")]
)
def test_how_people_came_to_the_proxy_in_front_is_kept(
    ending, tmp_path, behind_another, said, kept
):
    service = ending.enter_context(a_service())
    more = f"proxy_set_header X-Forwarded-Proto '{said}';"
    url = behind_another(ending.enter_context(a_gateway(tmp_path, service)), more)

    asked = httpx.get(f"{url}/v1/gifts", trust_env=False).json()

    assert asked["x-forwarded-proto"] == kept


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_feed_that_cannot_be_had_now_is_a_stream_that_says_when_to_come_again(
    ending, tmp_path, status
):
    """After any other answer a browser's EventSource never comes back."""
    service = ending.enter_context(a_service(status))
    url = ending.enter_context(a_gateway(tmp_path, service))

    answer = httpx.get(url + FEED, trust_env=False)
    elsewhere = httpx.get(f"{url}/v1/gifts", trust_env=False)

    assert (answer.status_code, answer.text) == (200, "retry: 2000\n\n")
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-store, no-transform"
    # Who can read it learns that this is not the feed.
    assert answer.headers["Retry-After"] == "2"
    assert elsewhere.status_code == status


def test_so_is_one_whose_service_is_away(ending, tmp_path):
    with a_service() as service:
        pass
    url = ending.enter_context(a_gateway(tmp_path, service))

    answer = httpx.get(url + FEED, trust_env=False)

    assert (answer.status_code, answer.text) == (200, "retry: 2000\n\n")


@pytest.mark.parametrize("status", [401, 403, 404, 422, 500])
def test_what_will_not_pass_is_told_as_it_is(ending, tmp_path, status):
    service = ending.enter_context(a_service(status))
    url = ending.enter_context(a_gateway(tmp_path, service))

    answer = httpx.get(url + FEED, trust_env=False)

    assert answer.status_code == status
    assert "Retry-After" not in answer.headers
