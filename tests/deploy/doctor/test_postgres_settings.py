"""The doctor names settings of PostgreSQL that would lose money or stop a service."""

import time

import pytest

from deploy.config.databases import fetch, provision, run_sql
from deploy.ctl.doctor import examine
from deploy.ctl.doctor.checks import BY_NAME
from deploy.ctl.doctor.findings import Examined
from deploy.ctl.installation import Installation
from deploy.harness.postgres import LocalPostgres

NOWHERE = "127.0.0.1:9"


@pytest.fixture(scope="module")
def server(credentials):
    """A server of our own whose commits survive a power cut, with every service's database."""
    with LocalPostgres() as running:
        provision(running.dsn(), credentials.database)
        yield running


@pytest.fixture
def administer(server):
    """Run statements as administrator, and others afterwards."""
    later = []

    def run(*statements, undo):
        run_sql(server.dsn(), statements)
        later.extend(undo)

    yield run
    run_sql(server.dsn(), later)


@pytest.fixture
def expect_standby(server, administer):
    """Let the server wait for a standby, and return when it does."""

    def names(name):
        statement = f"ALTER SYSTEM SET synchronous_standby_names = '{name}'"
        return [statement, "SELECT pg_reload_conf()"]

    def expect(name):
        # Commits of the administrator must not wait for it.
        local = "ALTER ROLE postgres SET synchronous_commit = local"
        undo = ["ALTER ROLE postgres RESET synchronous_commit"]
        administer(local, *names(name), undo=[*names(""), *undo])
        while fetch(server.dsn(), "SHOW synchronous_standby_names") != [(name,)]:
            time.sleep(0.05)

    return expect


@pytest.fixture
def installation(server, credentials):
    return Installation(
        server.place, f"http://{NOWHERE}", NOWHERE, secret=lambda _: credentials.database["auditor"]
    )


async def problems_of(installation):
    checks = [BY_NAME[name] for name in ("durability", "standbys", "role-settings")]
    found = await examine(Examined(installation), checks)
    return [(each.place, each.problem) for each in found]


@pytest.fixture
def standby(administer):
    """A place that the server keeps for a standby, as Patroni makes one."""
    administer(
        "SELECT pg_create_physical_replication_slot('db_2')",
        undo=["SELECT pg_drop_replication_slot('db_2')"],
    )


async def test_a_provisioned_server_without_a_standby_has_no_problem(installation):
    assert await problems_of(installation) == []


async def test_an_asynchronous_standby_is_a_problem_of_every_service(installation, standby):
    found = await problems_of(installation)

    assert {service for service, _ in found} == {
        "purchase",
        "wallet",
        "gift",
        "payout",
        "live",
        "webhooks",
    }
    assert all("its standbys are asynchronous" in problem for _, problem in found)


async def test_a_synchronous_standby_is_none(installation, standby, expect_standby):
    expect_standby("db_2")

    assert await problems_of(installation) == []


async def test_commits_that_wait_for_no_standby_are_a_problem(installation, administer):
    administer(
        "ALTER ROLE gift SET synchronous_commit = off",
        undo=["ALTER ROLE gift RESET synchronous_commit"],
    )

    assert await problems_of(installation) == [
        ("gift", "role gift has synchronous_commit = off: its commits wait for no standby")
    ]


async def test_a_role_without_its_settings_is_a_problem(installation, administer):
    administer(
        *("ALTER ROLE wallet RESET lock_timeout", "ALTER ROLE wallet RESET enable_seqscan"),
        undo=[
            "ALTER ROLE wallet SET lock_timeout = '5s'",
            "ALTER ROLE wallet SET enable_seqscan = off",
        ],
    )

    assert await problems_of(installation) == [
        ("wallet", "role wallet has no enable_seqscan, lock_timeout")
    ]


async def test_another_value_is_the_administrators_choice(installation, administer):
    administer(
        "ALTER ROLE wallet SET lock_timeout = '10s'",
        undo=["ALTER ROLE wallet SET lock_timeout = '5s'"],
    )

    assert await problems_of(installation) == []
