"""The doctor's command: silent where all runs well, and failing where something does not."""

import json

from typer.testing import CliRunner

from deploy.config.databases import in_own_thread
from deploy.ctl.__main__ import app
from deploy.ctl.doctor import examine
from deploy.ctl.doctor.checks import CHECKS
from deploy.ctl.doctor.findings import State
from tests.deploy.doctor.conftest import NOWHERE, ROOT

PAGE = ROOT / "docs" / "operations" / "doctor.md"


async def test_an_installation_that_runs_well_has_no_finding_but_its_fast_disk(healthy):
    findings = await examine(healthy, CHECKS)

    # Servers of tests do not wait for the disk: the only fault here, and it is named.
    assert {(each.check, each.state) for each in findings} == {("durability", State.WRONG)}
    assert {each.problem.split(":")[0] for each in findings} == {
        "fsync = off",
        "full_page_writes = off",
    }


def test_the_command_prints_findings_and_fails(healthy, system, monkeypatch):
    monkeypatch.setenv("OVATIONCTL_POSTGRES", NOWHERE)
    monkeypatch.setenv("OVATION_PUBLIC_URL", system.issuer_url)

    def run(*arguments):
        return in_own_thread(lambda: CliRunner().invoke(app, ["doctor", *arguments]))

    wrong = run("--only", "port", "--only", "public-address", "--json")
    assert wrong.exit_code == 1
    assert {each["check"] for each in json.loads(wrong.stdout)} == {"port", "public-address"}
    unknown = run("--only", "migrations")
    assert (unknown.exit_code, unknown.stdout.split()[0]) == (3, "unknown")
    assert run("--only", "nothing").exit_code == 2


def test_the_page_has_each_check_once():
    rows = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    told = {row[1].strip().strip("`"): (row[2].strip(), row[3].strip()) for row in rows}

    assert told == {check.name: (check.finds, check.action) for check in CHECKS}
