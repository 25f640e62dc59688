"""The doctor names databases with other rights, tables or texts than ours, or with old messages."""

from dataclasses import replace

import pytest

from deploy.config.databases import run_sql
from deploy.ctl.doctor import broker, schemas
from deploy.ctl.doctor.findings import Limits, State
from tests.deploy.doctor.conftest import found, problem


@pytest.mark.parametrize(
    ("database", "planted", "undo", "expected"),
    [
        (
            "gift",
            "ALTER ROLE gift CREATEROLE",
            "ALTER ROLE gift NOCREATEROLE",
            "role gift has CREATEROLE",
        ),
        (
            "gift",
            "GRANT pg_read_all_data TO gift",
            "REVOKE pg_read_all_data FROM gift",
            "role gift is a member of pg_read_all_data",
        ),
        (
            "wallet",
            "GRANT DELETE ON entries TO wallet",
            "REVOKE DELETE ON entries FROM wallet",
            "role wallet may change the history in public.entries",
        ),
        (
            "live",
            "GRANT CONNECT ON DATABASE live TO gift",
            "REVOKE CONNECT ON DATABASE live FROM gift",
            "role gift may connect to this database",
        ),
        (
            "live",
            "REVOKE SELECT ON goals FROM live",
            "GRANT SELECT ON goals TO live",
            "role live may not read public.goals",
        ),
        (
            "live",
            "REVOKE SELECT ON goals FROM auditor",
            "GRANT SELECT ON goals TO auditor",
            "role auditor may not read public.goals",
        ),
    ],
)
async def test_a_role_with_too_many_or_too_few_rights(
    healthy, administer, database, planted, undo, expected
):
    administer(database, planted, undo=undo)

    findings = await found(healthy, "role-rights")

    assert any(each.problem.startswith(expected) for each in findings), findings


@pytest.mark.parametrize(
    ("revision", "expected"),
    [("0001", "migrations behind: it has 0001"), ("9999", "newer than this version: it has 9999")],
)
async def test_a_database_behind_or_ahead_of_this_version(
    healthy, administer, system, revision, expected
):
    service = "wallet"
    newest = schemas.known_revisions(service, schemas.chains(service)[0])[0]
    administer(
        service,
        f"UPDATE alembic_version SET version_num = '{revision}'",
        undo=f"UPDATE alembic_version SET version_num = '{newest}'",
    )

    assert expected in await problem(healthy, "migrations")


async def test_a_database_with_another_order_of_text(healthy, administer):
    administer(
        "postgres",
        "CREATE DATABASE odd TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'",
        undo="DROP DATABASE odd WITH (FORCE)",
    )
    odd = replace(healthy, servers=replace(healthy.servers, databases={"gift": "odd"}))

    assert await problem(odd, "order-of-text") == "gift: its encoding is LATIN1, and has to be UTF8"


async def test_servers_that_are_too_old_or_unknown(healthy, monkeypatch):
    monkeypatch.setattr(broker, "VERSION_MIN", (99, 0))
    monkeypatch.setattr(schemas, "MAJOR_TRIED_MAX", 1)

    assert "is too old: 99.0 is needed" in await problem(healthy, "broker-version")
    monkeypatch.setattr(schemas, "MAJOR_MIN", 1)
    assert {each.state for each in await found(healthy, "postgres-version")} == {State.UNKNOWN}
    monkeypatch.setattr(schemas, "MAJOR_MIN", 99)
    assert {each.state for each in await found(healthy, "postgres-version")} == {State.WRONG}


async def test_messages_that_wait_for_too_long(healthy, database_of, system):
    database = database_of("gift")
    name = database.url.rpartition("/")[2]
    run_sql(
        system.postgres.dsn(name),
        [
            """
            INSERT INTO outbox (message_id, key, share, routing_key, exchange, body, created_at)
            VALUES (gen_random_uuid(), 'mira', 0, 'gift.sent', 'ovation.events.gift', '',
                    now() - interval '2 hours')
            """
        ],
    )
    late = replace(healthy, servers=replace(healthy.servers, databases={"gift": name}))

    assert "gift: 1 messages wait, the oldest for 72" in await problem(late, "outbox")
    patient = replace(late, limits=Limits(outbox_seconds=10_000))
    assert await found(patient, "outbox") == []
