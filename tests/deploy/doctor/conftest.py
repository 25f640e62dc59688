"""An installation that runs well, and what the doctor finds where a test broke it."""

from pathlib import Path

import pytest

from deploy.config.databases import run_sql
from deploy.config.services import SERVICES
from deploy.ctl.doctor import examine
from deploy.ctl.doctor.checks import BY_NAME
from deploy.ctl.doctor.findings import Examined, State
from deploy.ctl.installation import Installation

NOWHERE = "127.0.0.1:9"
ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture
def healthy(system, monkeypatch, tmp_path):
    """What runs here, as its operator knows it."""
    monkeypatch.setenv("OVATION_JWKS_URL", f"{system.issuer_url}/.well-known/jwks.json")
    monkeypatch.setenv("OVATION_JWT_ISSUER", system.issuer_url)
    monkeypatch.setenv("OVATION_ALLOW_INSECURE_ISSUER", "true")
    monkeypatch.setenv(
        "AUDITOR_DATABASE_PASSWORD", system.secrets.read("auditor_database_password")
    )
    seeds = {
        service.variable(key): ROOT / "seeds" / file
        for service in SERVICES.values()
        for key, file in service.seeds.items()
    }
    servers = Installation(
        system.postgres.place,
        system.rabbit.management_url,
        system.rabbit.place,
        secret=system.secrets.read,
        vhost="journeys",
    )
    return Examined(
        servers,
        public_url=system.gateway_url,
        services={name: system.urls[name] for name in system.names},
        seeds=seeds,
        secrets=tmp_path / "none",
        takes_test_payments=True,
    )


@pytest.fixture
def administer(system):
    """Run statements as administrator in a database, and others afterwards."""
    later = []

    def run(database, statement, *, undo):
        later.append((database, undo))
        run_sql(system.postgres.dsn(database), [statement])

    yield run
    for database, undo in later:
        run_sql(system.postgres.dsn(database), [undo])


async def found(examined, *names):
    return await examine(examined, [BY_NAME[name] for name in names])


async def problem(examined, name):
    """Return the one finding of a check: it is wrong, and says what to do."""
    (finding,) = await found(examined, name)
    assert (finding.state, bool(finding.action)) == (State.WRONG, True), finding
    return f"{finding.place}: {finding.problem}"
