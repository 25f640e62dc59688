"""The gateway starts, and is reloaded, on whatever host it is put."""

import gzip
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import yaml

from deploy.config.services import PUBLIC
from deploy.gateway.callers import ADDRESS_REQUESTS_MAX
from deploy.gateway.nginx import (
    WORKER_CONNECTIONS,
    WORKERS,
    WORKERS_MAX,
    render,
    render_container,
)
from deploy.harness.packages import find
from deploy.harness.ports import free_port, listens
from deploy.harness.processes import remove_folder, temporary_folder
from tests.deploy.gateways import LIMITS, ROOT, a_service, needs_nginx

SCRIPT = ROOT / "deploy" / "gateway" / "start.sh"
COMMITTED = (ROOT / "deploy" / "gateway" / "nginx.conf").read_text()
CONTAINER = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["gateway"]
# What a worker takes, and each connection of it: reckoned from the buffers nginx is given.
WORKER_MEGABYTES, CONNECTION_KILOBYTES = 4, 28
# The master, a shell and curl of the health check, somebody's `exec`.
OTHER_PROCESSES = 8
SOON_SECONDS = 20
# sysconf(_SC_NPROCESSORS_*) of a machine that is larger than any laptop.
MANY_PROCESSORS = """\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
long sysconf(int name) {
    if (name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF) return 64;
    return ((long (*)(int)) dlsym(RTLD_NEXT, "sysconf"))(name);
}
"""


class Started:
    """The container's own start, in a folder instead of a container."""

    def __init__(self, folder, service, *, names="nameserver 127.0.0.1\n", **environment):
        self.folder = folder
        self.port = free_port()
        folder.chmod(0o755)
        (folder / "made").mkdir(mode=0o755)
        (folder / "made" / "limits.conf").write_text(LIMITS)
        (folder / "resolv.conf").write_text(names)
        # Addresses need no name server, and names do: what is asked is what compose has.
        upstreams = dict.fromkeys(PUBLIC, service)
        http = render(
            upstreams,
            listen=f"127.0.0.1:{self.port}",
            resolver="127.0.0.11",
            limits_file="limits.conf",
            documents_folder="/tmp/made/documents",
        )
        configuration = render_container(http).replace("/tmp", str(folder))
        (folder / "nginx.conf").write_text(configuration)
        self.environment = {
            "PATH": f"{Path(find('nginx')).parent}:{os.environ['PATH']}",
            "OVATION_GATEWAY_FOLDER": str(folder),
            "OVATION_GATEWAY_MADE": str(folder / "made"),
            "OVATION_GATEWAY_NAMES": str(folder / "resolv.conf"),
            **environment,
        }

    def __enter__(self):
        with (self.folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                ["sh", SCRIPT], env=self.environment, stdout=log, stderr=log
            )
        if not eventually(lambda: listens(self.port)):
            self.__exit__()
            pytest.fail(self.log())
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(SOON_SECONDS)

    def log(self):
        return (self.folder / "log").read_text()

    def reload(self):
        told = subprocess.run(
            ["sh", SCRIPT, "reload"], env=self.environment, capture_output=True, check=False
        )
        assert told.returncode == 0, told.stderr

    def get(self, path="/"):
        url = f"http://127.0.0.1:{self.port}{path}"
        return httpx.get(url, trust_env=False, timeout=SOON_SECONDS)

    @property
    def made(self):
        return (self.folder / "made" / "nginx.conf").read_text()

    def workers(self):
        """Return the processes below the master that are not about to end."""
        listed = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line for line in listed.stdout.splitlines() if "worker process" in line]
        return {line.split()[0] for line in lines if "shutting down" not in line}


def eventually(holds):
    until = time.monotonic() + SOON_SECONDS
    while not (found := holds()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def many_processors(tmp_path_factory):
    """A library that lets a program believe in 64 processors."""
    if not shutil.which("cc"):
        pytest.skip("needs a compiler")
    folder = tmp_path_factory.mktemp("processors")
    (folder / "shim.c").write_text(MANY_PROCESSORS)
    command = ["cc", "-shared", "-fPIC", "-o", folder / "shim.so", folder / "shim.c", "-ldl"]
    subprocess.run(command, check=True)
    return str(folder / "shim.so")


def megabytes(text):
    return int(text.removesuffix("m"))


def test_a_reload_with_all_connections_fits_into_the_container():
    """Old workers end when their connections have, so there are twice as many for a while."""
    (workers,) = re.findall(r"^worker_processes (\d+);$", COMMITTED, re.MULTILINE)
    zones = sum(megabytes(size) for size in re.findall(r"zone=\w+:(\d+m)", LIMITS))
    # Each that is passed on is two: one from a viewer, one to a service.
    connections = WORKER_CONNECTIONS // 2 * CONNECTION_KILOBYTES / 1024
    needed = zones + 2 * WORKERS_MAX * WORKER_MEGABYTES + WORKERS_MAX * connections

    assert int(workers) == WORKERS <= WORKERS_MAX
    assert CONTAINER["pids_limit"] >= 2 * WORKERS_MAX + OTHER_PROCESSES
    assert needed <= megabytes(CONTAINER["mem_limit"])
    assert ADDRESS_REQUESTS_MAX < WORKERS * WORKER_CONNECTIONS // 2


def test_what_is_open_always_has_room_in_its_zone():
    """A zone of these refuses when it is full; it is not, with every connection in it."""
    # A slab of nginx's, and half as much again for pages that are not full.
    node_bytes = 128 * 1.5
    for name in ("feeds", "requests"):
        (size,) = re.findall(rf"zone={name}:(\d+m)", LIMITS)
        assert WORKERS_MAX * 2 * WORKER_CONNECTIONS * node_bytes < megabytes(size) * 1024**2


@needs_nginx
def test_a_machine_with_64_processors_has_as_many_workers_before_and_after_a_reload(
    tmp_path, many_processors
):
    with a_service() as service:
        there = {"LD_PRELOAD": many_processors}
        with Started(tmp_path, service.address, **there) as gateway:
            assert eventually(lambda: len(gateway.workers()) == WORKERS)
            before = gateway.workers()
            gateway.reload()
            assert eventually(
                lambda: len(gateway.workers()) == WORKERS and not gateway.workers() & before
            )
            assert [gateway.get().status_code for _ in range(5)] == [200] * 5


@needs_nginx
def test_the_number_of_workers_may_be_another(tmp_path):
    with (
        a_service() as service,
        Started(tmp_path, service.address, OVATION_GATEWAY_WORKERS="3") as gateway,
    ):
        assert eventually(lambda: len(gateway.workers()) == 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OVATION_GATEWAY_WORKERS", "auto"),
        ("OVATION_GATEWAY_WORKERS", str(WORKERS_MAX + 1)),
        ("OVATION_GATEWAY_WORKERS", "0"),
        ("OVATION_GATEWAY_DOMAIN", "coins; return 200"),
        ("OVATION_TRUSTED_PROXIES", "10.0.0.0/8; access_log off"),
        ("OVATION_TRUSTED_PROXIES", "proxy.internal"),
        ("OVATION_TRUSTED_PROXIES", "0.0.0.0/0"),
        ("OVATION_TRUSTED_PROXIES", "10.0.0.0/8 ::/0 fd00::/8"),
        ("OVATION_TENCENT_ADDRESSES", "10.0.0.0/8; allow all"),
        ("OVATION_TENCENT_ADDRESSES", "tencent.internal"),
    ],
)
def test_a_setting_that_cannot_be_is_named(tmp_path, name, value):
    environment = {"PATH": os.environ["PATH"], "OVATION_GATEWAY_MADE": str(tmp_path), name: value}
    refused = subprocess.run(
        ["sh", SCRIPT], env=environment, capture_output=True, text=True, check=False
    )

    assert refused.returncode == 1
    assert name in refused.stderr


@needs_nginx
def test_whose_word_is_believed_about_addresses_is_a_setting(tmp_path):
    """The limit by address is the caller's then, and not that of the proxy in front."""
    with a_service() as service:
        trusting = {"OVATION_TRUSTED_PROXIES": "127.0.0.0/8 ::1"}
        with Started(tmp_path, service.address, **trusting) as gateway:
            assert gateway.get().status_code == 200
            assert "set_real_ip_from 127.0.0.0/8;\n    set_real_ip_from ::1;\n" in gateway.made


@needs_nginx
def test_other_addresses_cannot_call_as_tencent_once_tencents_are_said(tmp_path):
    """What is refused is a problem document; other routes are open as before."""
    path = "/v1/callbacks/tencent?SdkAppid=1&Sign=secret&RequestTime=1"
    with a_service() as service:
        theirs = {"OVATION_TENCENT_ADDRESSES": "192.0.2.0/24 2001:db8::/32"}
        with Started(tmp_path, service.address, **theirs) as gateway:
            refused = gateway.get(path)
            assert (refused.status_code, refused.json()["code"]) == (403, "address-not-allowed")
            assert gateway.get("/v1/webhooks/sandbox/payments").status_code == 200


@needs_nginx
def test_tencent_may_call_from_its_own_addresses(tmp_path):
    with a_service() as service:
        theirs = {"OVATION_TENCENT_ADDRESSES": "192.0.2.0/24 127.0.0.1"}
        with Started(tmp_path, service.address, **theirs) as gateway:
            assert gateway.get("/v1/callbacks/tencent").status_code == 200


@needs_nginx
@pytest.mark.parametrize("theirs", ["127.0.0.1", "192.0.2.0/24", ""])
def test_no_log_holds_what_tencent_signed(tmp_path, theirs):
    """Whoever reads a log could use the signature: also where no service answers."""
    path = "/v1/callbacks/tencent?SdkAppid=1&Sign=its-secret&RequestTime=1"
    allowed = {"OVATION_TENCENT_ADDRESSES": theirs}
    with Started(tmp_path, f"127.0.0.1:{free_port()}", **allowed) as gateway:
        assert gateway.get(path).status_code == (403 if "192" in theirs else 503)
        assert eventually(lambda: '"path":"/v1/callbacks/tencent"' in gateway.log())
        assert "its-secret" not in gateway.log()


@needs_nginx
@pytest.mark.parametrize(
    ("names", "asked"),
    [
        ("nameserver 10.89.0.1\n", "10.89.0.1"),
        ("search dns.podman\nnameserver fd00::1\nnameserver 10.89.0.1\n", "[fd00::1] 10.89.0.1"),
        ("# none\nnameserver fe80::1%eth0\n", "127.0.0.11"),
    ],
)
def test_names_are_looked_up_where_this_host_says(tmp_path, names, asked):
    with a_service() as service, Started(tmp_path, service.address, names=names) as gateway:
        assert f"resolver {asked} valid=" in gateway.made


@needs_nginx
def test_services_have_the_names_of_their_namespace_where_one_is_said(tmp_path):
    """A name server of Kubernetes knows no name alone, and nginx reads no search list."""
    domain = "coins.svc.cluster.local"
    with Started(tmp_path, "web:8000", OVATION_GATEWAY_DOMAIN=domain) as gateway:
        asked = re.findall(r"set (\$to_\w+) (\S+);", gateway.made)

    assert asked == [(f"$to_{name}", f"web.{domain}:8000") for name in PUBLIC]


@needs_nginx
def test_a_name_server_that_does_not_answer_is_seen_soon_and_by_the_health_check(tmp_path):
    """Nobody listens there: 192.0.2.0/24 is for documentation."""
    command = CONTAINER["healthcheck"]["test"]
    path = command[-1].removeprefix("http://127.0.0.1:8080")
    with Started(tmp_path, "web:8000", names="nameserver 192.0.2.1\n") as gateway:
        # In less than SOON_SECONDS, which is how long we wait for an answer.
        answer = gateway.get(path)

    assert answer.status_code == 503
    # curl fails for that, if it is told to.
    assert "-fsS" in command


def test_the_container_starts_as_it_is_started_here():
    assert CONTAINER["entrypoint"] == ["sh", "/etc/nginx/start.sh"]
    assert "./deploy/gateway/start.sh:/etc/nginx/start.sh:ro" in CONTAINER["volumes"]
    assert set(CONTAINER["environment"]) == {"OVATION_GATEWAY_WORKERS", "OVATION_TRUSTED_PROXIES"}


@needs_nginx
def test_documents_are_compressed_once_and_again_with_a_reload():
    # nginx's workers are nobody, and have to read what is served.
    folder = temporary_folder("documents")
    document = folder / "openapi.json"
    first_text, second_text = (f'{{"openapi": "3.{minor}.0"}}\n' * 200 for minor in (1, 2))
    document.write_text(first_text)

    def sent(gateway, coding):
        url = f"http://127.0.0.1:{gateway.port}/openapi.json"
        with httpx.stream("GET", url, headers={"Accept-Encoding": coding}) as answer:
            return b"".join(answer.iter_raw())

    try:
        with a_service() as service, Started(folder, service.address) as gateway:
            first = [sent(gateway, coding) for coding in ("gzip", "identity")]
            compressed = (folder / "made" / "documents" / "openapi.json.gz").read_bytes()
            document.write_text(second_text)
            gateway.reload()
            second = [sent(gateway, coding) for coding in ("gzip", "identity")]
    finally:
        remove_folder(folder)

    assert first[0] == compressed
    assert gzip.decompress(first[0]) == first[1] == first_text.encode()
    assert gzip.decompress(second[0]) == second[1] == second_text.encode()
