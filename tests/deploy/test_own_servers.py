"""A service may have a PostgreSQL server of its own: how it is made, and how operators reach it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.config.databases import fetch, provision
from deploy.config.environment import new_secrets
from deploy.ctl.installation import Installation
from deploy.harness.postgres import LocalPostgres

ROOT = Path(__file__).parent.parent.parent
OURS = "SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')"
ROLES = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND NOT rolsuper"


def test_a_server_of_one_service_has_its_database_and_its_roles_alone():
    passwords = new_secrets().database
    known = {role: passwords[role] for role in ("gift_owner", "gift", "auditor")}
    with LocalPostgres(fast=True) as server:
        provision(server.dsn(), known, ["gift"])
        provision(server.dsn(), known, ["gift"])

        assert {row["datname"] for row in fetch(server.dsn(), OURS)} == {"gift"}
        assert {row["rolname"] for row in fetch(server.dsn(), ROLES)} == set(known)


def test_a_service_that_there_is_not_is_made_no_database(tmp_path):
    for name in ("auditor_database_password", "postgres_admin_password"):
        (tmp_path / name).write_text("unknown")
    environment = {**os.environ, "OVATION_SECRETS_DIR": str(tmp_path), "POSTGRES_HOST": "nowhere:1"}

    told = subprocess.run(
        [sys.executable, "-m", "deploy.config.provision", "walet"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 1
    assert told.stderr == "No service with a database: walet.\n"


@pytest.mark.parametrize(
    ("service", "server"), [("wallet", "postgres-wallet-rw:5432"), ("gift", "postgres-rw:5432")]
)
def test_an_operator_reaches_the_server_that_has_a_services_database(monkeypatch, service, server):
    monkeypatch.setenv("OVATIONCTL_POSTGRES", "postgres-rw:5432")
    monkeypatch.setenv("OVATIONCTL_WALLET_POSTGRES", "postgres-wallet-rw:5432")

    assert Installation.from_environment().server_of(service) == server
