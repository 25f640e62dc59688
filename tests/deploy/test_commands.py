"""Every command of `ovationctl` prints one JSON document, is completed, and is listed truly."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from deploy.config.databases import in_own_thread
from deploy.ctl.__main__ import COMMANDS, app
from deploy.ctl.commands import files, operations
from deploy.ctl.commands.late import every_command
from deploy.demo.operators import operators_variables
from tests.journeys.people import stage_on

ROOT = Path(__file__).parent.parent.parent
ALL = every_command(COMMANDS)
FAR = "2100-01-01"
# How each is run so that it changes nothing that others need. In this order.
RUNS = {
    "doctor": "--only port",
    "verify": "wallet",
    "reconcile": "",
    "seal verify": "wallet",
    "dlq ls": "",
    "dlq history": "--queue live.gifts",
    "dlq show": "--queue live.gifts",
    "dlq redrive": "--queue live.gifts --yes",
    "dlq drop": "--queue live.gifts --yes",
    "outbox ls": "",
    "outbox unpark": "gift --key nobody --yes",
    "outbox drop": f"gift --message-id {uuid4()} --yes",
    "replay": "--queue live.gifts --all --dry-run",
    "republish": f"gift --to live.gifts --from {FAR} --yes",
    "events sample": "gift.sent",
    "events lint": "-",
    "topology check": "",
    "topology apply": "--yes",
    "audit": "",
    "team add": "json --reads gift.sent --yes",
    "team ls": "",
    "team rm": "json --yes",
    "hooks grant": "json --reads gift.sent --yes",
    "hooks ls": "",
    "hooks bind": "",
    "hooks revoke": "json --yes",
    "webhooks ls": "",
    "webhooks show": "sandbox {webhook}",
    "webhooks replay": f"--from {FAR} --yes",
    "webhooks keys": "",
    "providers check": "",
    "token explain": "",
    "prices show": "",
    "prices compare": "seeds/packages.toml",
    "economics": "",
    "finance liability": "",
    "filings totals": "--year 2025",
    "capacity": "",
    "archive run": "wallet --yes",
    "archive ls": "wallet",
    "archive verify": "wallet",
    "parts ls": "wallet",
    "parts check": "wallet",
    "rotate": "wallet_broker_password --yes",
    "roll": "web",
    "secrets": "",
    "contracts": "--check",
}
# What cannot be run here, and where its document is read instead.
ELSEWHERE = {
    "events tail": "prints a document a line, for it has no end: tests/journeys/test_operating.py",
    "rebuild": "empties live, which others need: tests/journeys/test_operating.py",
    "settlements match": "needs a provider's file: tests/deploy/test_settlements_command.py",
    "providers webhooks create": "needs a vendor: tests/deploy/test_provider_accounts.py",
    "backup": "needs pg_dump: tests/journeys/test_backups.py",
    "restore": "replaces a database: tests/journeys/test_backups.py",
    "topology move": "needs a queue whose partitions changed, and says what `say` prints",
    "parts place": "needs Citus, and prints the same report as `parts check`",
    "parts move": "needs Citus, and prints the same report as `parts check`",
    "topology write": "writes into the checkout, and says what `say` prints",
    "new service": "writes into the checkout, and prints the same report as `contracts`",
}
# Docker Compose, with one instance of web that is replaced by another.
DOCKER = """#!/bin/sh
case "$*" in
    *"ps -q"*) echo old; if [ -f {state} ]; then echo new; fi ;;
    *" up "*) touch {state} ;;
    inspect*) echo '[{{"State": {{"Status": "running"}}}}]' ;;
esac
"""


def test_every_command_takes_json_and_is_run_here_or_elsewhere():
    without = [
        words for words, each in ALL.items() if not any("--json" in it.opts for it in each.params)
    ]

    assert without == []
    assert {*RUNS, *ELSEWHERE} == set(ALL)
    assert not RUNS.keys() & ELSEWHERE.keys()


@pytest.fixture
def ctl(system, monkeypatch, tmp_path):
    """Run a command against the running system, with files of this test alone."""
    for name, value in operators_variables(system).items():
        monkeypatch.setenv(name, value)
    for name in ("deploy", "archives", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "deploy" / "rabbitmq").mkdir()
    monkeypatch.setenv("OVATION_ARCHIVE", str(tmp_path / "archives"))
    monkeypatch.setattr(files, "DEPLOY", tmp_path / "deploy")
    monkeypatch.setattr(operations, "SECRETS", tmp_path / "deploy" / "secrets")
    monkeypatch.setattr(
        operations, "USERS_FILE", tmp_path / "deploy" / "rabbitmq" / "20-users.json"
    )
    docker = tmp_path / "bin" / "docker"
    docker.write_text(DOCKER.format(state=tmp_path / "up"))
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("COLUMNS", "200")
    shutil.copytree(ROOT / "seeds", tmp_path / "seeds")
    monkeypatch.chdir(tmp_path)

    def run(words, given=None):
        return in_own_thread(lambda: CliRunner().invoke(app, words, input=given))

    return run


def test_every_command_prints_one_document(ctl, system):
    with stage_on(system) as stage:
        stage.buy(stage.person("json", country="DE"))
    ctl(["secrets"])
    (webhook, *_) = json.loads(ctl(["webhooks", "ls", "--json"]).stdout)
    sample = ctl(["events", "sample", "gift.sent"]).stdout
    given = {"events lint": sample, "token explain": system.token("json")}
    faults = {}
    for words, arguments in RUNS.items():
        filled = arguments.format(webhook=webhook["webhook_id"]).split()

        done = ctl([*words.split(), *filled, "--json"], given=given.get(words))

        lines = done.stdout.splitlines()
        try:
            documents = [json.loads(line) for line in lines]
        except ValueError:
            documents = []
        if done.exit_code not in (0, 1) or len(documents) != 1:
            faults[words] = (done.exit_code, done.stdout, done.stderr, done.exception)
    assert faults == {}, faults


def test_the_list_of_commands_says_what_each_says_of_itself():
    for name, late in COMMANDS.items():
        said = " ".join((late.load(name).help or "").split("\n\n")[0].split())
        assert said == late.help, name


def test_help_loads_no_service_and_no_other_command():
    program = (
        "import sys; sys.argv = ['ovationctl', '--help']\n"
        "from deploy.ctl.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    loaded = set(done.stderr.split())
    assert "doctor" in done.stdout
    heavy = ("services", "shared", "fastapi", "pydantic", "sqlalchemy", "asyncpg", "httpx")
    assert [name for name in heavy if name in loaded] == []


@pytest.mark.parametrize(
    ("shell", "variables"),
    [
        ("bash", {"COMP_WORDS": "ovationctl dlq re", "COMP_CWORD": "2"}),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "ovationctl dlq re"}),
        (
            "fish",
            {
                "_TYPER_COMPLETE_ARGS": "ovationctl dlq re",
                "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            },
        ),
    ],
)
def test_each_shell_completes_a_command(shell, variables):
    asked = {**os.environ, **variables, "_OVATIONCTL_COMPLETE": f"complete_{shell}"}
    done = subprocess.run(
        [sys.executable, "-m", "deploy.ctl"],
        cwd=ROOT,
        env=asked,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "redrive" in done.stdout
    assert "drop" not in done.stdout.replace("redrive", "")


def test_bash_completes_an_option_with_the_script_that_is_installed(tmp_path):
    """As a person has it: the script is read by bash, and calls the program."""
    asked = {**os.environ, "_OVATIONCTL_COMPLETE": "source_bash"}
    program = [sys.executable, "-m", "deploy.ctl"]
    said = subprocess.run(program, cwd=ROOT, env=asked, capture_output=True, text=True, check=True)
    called = tmp_path / "ovationctl"
    called.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m deploy.ctl "$@"\n')
    called.chmod(0o755)
    typed = (
        f"{said.stdout}\nCOMP_WORDS=(ovationctl doctor --dead); COMP_CWORD=2\n"
        f'_ovationctl_completion {called}; echo "${{COMPREPLY[@]}}"'
    )

    done = subprocess.run(["bash", "-c", typed], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "--dead-letters"
