"""`make up` as a newcomer has it: `ovationctl` finds it, and a folder keeps all of it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deploy.harness.ports import free_port
from deploy.harness.processes import remove_folder, temporary_folder

ROOT = Path(__file__).parent.parent.parent
READY = "Ctrl-C stops it."
SECONDS_MAX = 600
# What a newcomer tries: each does something at once, without any variable.
COMMANDS = (
    "doctor",
    "dlq ls",
    "verify wallet",
    "reconcile",
    "team add charts --reads gift.sent --yes",
    "events tail --no-follow --event purchase.paid",
    "outbox ls",
    "hooks ls",
    "finance liability",
    "providers check",
    "token explain",
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout of its own: a file of another `make up` is not ours."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("deploy", "services", "shared", "seeds", "tests"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="module")
def kept():
    """A folder that every user may reach: PostgreSQL does not run as root."""
    folder = temporary_folder("kept")
    yield folder
    remove_folder(folder)


@pytest.fixture(scope="module")
def port():
    return free_port()


def environment(**more):
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **more}


def run_ctl(checkout, words, given=None):
    return subprocess.run(
        [sys.executable, "-m", "deploy.ctl", *words.split()],
        cwd=checkout,
        env=environment(),
        input=given,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


def start_up(checkout, kept, port):
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.demo", "up"],
        cwd=checkout,
        env=environment(KEEP=str(kept), OVATION_PORT=str(port), PROVIDERS="sandbox"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def up(checkout, kept, port):
    """Run it, and yield its process and what it said until everything ran."""
    with start_up(checkout, kept, port) as process:
        said = []
        for line in process.stdout:
            said.append(line)
            if READY in line:
                break
        assert process.poll() is None, "".join(said)
        try:
            yield process, "".join(said)
        finally:
            process.terminate()


def person(port, name, role):
    address = f"http://127.0.0.1:{port}"
    about = {"sub": name, "roles": [role], "age_verified": 30}
    token = httpx.post(f"{address}/issuer/token", json=about, trust_env=False).json()
    return {"Authorization": f"Bearer {token['access_token']}"}


def buy(port, headers):
    address = f"http://127.0.0.1:{port}"
    bought = httpx.post(
        f"{address}/v1/purchases",
        json={"package": "coins_5000"},
        headers={**headers, "Idempotency-Key": "one"},
        trust_env=False,
    ).json()
    httpx.post(
        bought["next_action"]["url"],
        data={"card": "4242 4242 4242 4242"},
        trust_env=False,
        timeout=60,
    )


def coins(port, headers):
    address = f"http://127.0.0.1:{port}/v1/wallets/me"
    return httpx.get(address, headers=headers, trust_env=False, timeout=60).json()["coins"]


def test_commands_find_it_and_a_kill_loses_nothing(checkout, kept, port):
    with up(checkout, kept, port) as (process, said):
        for told in (f"http://localhost:{port}", "Mira", "4242 4242 4242 4242", str(kept)):
            assert told in said, said
        file = checkout / ".ovation" / "env"
        assert file.stat().st_mode & 0o777 == 0o600
        mira = person(port, "mira", "viewer")
        token = mira["Authorization"].removeprefix("Bearer ")
        for words in COMMANDS:
            done = run_ctl(checkout, words, given=token)
            assert done.returncode == 0, (words, done.stdout, done.stderr)
        assert str(file) in run_ctl(checkout, "--verbose hooks ls").stderr
        assert str(file) not in run_ctl(checkout, "hooks ls").stderr

        second = start_up(checkout, kept, free_port())
        assert "in use by another `make up`" in second.communicate(timeout=SECONDS_MAX)[0]
        assert second.returncode == 1

        buy(port, mira)
        while coins(port, mira) != 5_000:
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert "left behind" in run_ctl(checkout, "events sample gift.sent").stderr

    # At once: what ran may not have ended yet.
    with up(checkout, kept, port):
        assert coins(port, mira) == 5_000, "and the token of before is good"
        (team,) = json.loads(run_ctl(checkout, "team ls --json").stdout)
        assert team["team"] == "charts"
        assert run_ctl(checkout, "verify wallet").returncode == 0
        assert run_ctl(checkout, "doctor").returncode == 0
    assert not file.exists()


def test_a_folder_of_another_version_is_refused_with_words(checkout, kept, port, tmp_path):
    record = kept / "made_by.json"
    made_by = json.loads(record.read_text())
    assert stat_of(kept / "secrets.json") == stat_of(kept / "issuer_key.json") == 0o600
    name = next(iter(made_by["migrations"]))
    others = {
        "is of another version": {**made_by, "migrations": {**made_by["migrations"], name: "x"}},
        "is of a newer version": {
            **made_by,
            "migrations": {
                **made_by["migrations"],
                "services/gift/migrations/versions/9999_.py": "x",
            },
        },
        "has data of PostgreSQL 9": {**made_by, "postgres": "9"},
    }
    other = temporary_folder("other")
    for words, document in others.items():
        shutil.copy(kept / "secrets.json", other)
        (other / "made_by.json").write_text(json.dumps(document))

        refused = start_up(checkout, other, port)

        said = refused.communicate(timeout=SECONDS_MAX)[0]
        assert (refused.returncode, words in said) == (1, True), said
    remove_folder(other)


def stat_of(path):
    return path.stat().st_mode & 0o777
