"""The doctor names what cannot be reached, trusted or entered, and clocks that are wrong."""

import asyncio
import ssl
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from deploy.config.databases import run_sql
from deploy.ctl.doctor import clocks
from deploy.ctl.doctor.findings import State
from tests.deploy.doctor.conftest import NOWHERE, found, problem

# How PostgreSQL is asked whether it speaks TLS, and how it says that it does.
SSL_REQUEST, YES = b"\x00\x00\x00\x08\x04\xd2\x16/", b"S"


async def test_a_name_that_does_not_resolve(healthy):
    lost = replace(healthy, servers=replace(healthy.servers, postgres="db.invalid:5432"))

    assert "db.invalid does not resolve" in await problem(lost, "name")
    # Another check speaks of it, not this one.
    assert await found(lost, "port") == []


async def test_a_port_that_refuses(healthy):
    closed = replace(healthy, servers=replace(healthy.servers, broker=NOWHERE))

    assert "RabbitMQ 127.0.0.1:9: cannot be connected to" in await problem(closed, "port")


async def test_what_cannot_be_looked_at_is_unknown_and_never_well(healthy):
    away = replace(
        healthy, servers=replace(healthy.servers, postgres=NOWHERE, rabbit=f"http://{NOWHERE}")
    )
    names = ("role-rights", "migrations", "outbox", "topology", "broker-alarm", "dead-letters")

    findings = await found(away, *names)

    assert {each.check for each in findings} == set(names)
    assert {each.state for each in findings} == {State.UNKNOWN}


@pytest.fixture
def authority(tmp_path):
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return made


@pytest.fixture
async def tls_server(authority):
    """Start a server of TLS, as PostgreSQL begins it, whose certificate has so many days left."""
    servers = []

    async def start(days):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ends = datetime.now(UTC) + timedelta(days=days, hours=1)
        authority.issue_cert("127.0.0.1", not_after=ends).configure_cert(context)

        async def listen(reader, writer):
            with suppress(OSError, asyncio.IncompleteReadError):
                assert await reader.readexactly(8) == SSL_REQUEST
                writer.write(YES)
                await writer.start_tls(context)
                await reader.read(1)
            writer.close()

        servers.append(await asyncio.start_server(listen, "127.0.0.1", 0))
        return f"127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


async def test_a_certificate_that_ends_soon(healthy, tls_server, monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    soon, later = await tls_server(days=10), await tls_server(days=300)

    ending = replace(healthy, servers=replace(healthy.servers, postgres=soon))
    assert "in 10 days" in await problem(ending, "certificate")
    good = replace(healthy, servers=replace(healthy.servers, postgres=later))
    assert await found(good, "certificate") == []


async def test_a_certificate_of_an_authority_that_is_not_trusted(healthy, tls_server):
    strange = replace(healthy, servers=replace(healthy.servers, postgres=await tls_server(days=90)))

    assert "is not trusted" in await problem(strange, "certificate")


def with_secret(healthy, name, value):
    before = healthy.servers.secret
    servers = replace(
        healthy.servers, secret=lambda asked: value if asked == name else before(asked)
    )
    return replace(healthy, servers=servers)


async def test_a_database_password_that_is_refused(healthy):
    wrong = with_secret(healthy, "payout_owner_password", "guessed")

    said = await problem(wrong, "database-password")
    assert said.startswith("payout_owner@")
    assert "guessed" not in said


async def test_a_broker_password_that_is_refused(healthy):
    wrong = with_secret(healthy, "ovationctl_broker_password", "guessed")

    said = await problem(wrong, "broker-password")
    assert said.startswith("ovationctl@")
    assert "guessed" not in said


@pytest.mark.parametrize(("seconds", "direction"), [(30, "behind"), (-30, "ahead of")])
async def test_a_clock_that_is_wrong(healthy, monkeypatch, seconds, direction):
    class Shifted:
        """The clock of this machine, so many seconds ahead."""

        @staticmethod
        def time():
            return time.time() + seconds

    monkeypatch.setattr(clocks, "time", Shifted)

    findings = await found(healthy, "clock")

    places = {each.place.split()[0] for each in findings}
    assert places == {"PostgreSQL", "RabbitMQ", "gateway"}
    assert all(f"s {direction} that of this machine" in each.problem for each in findings)


async def test_a_public_address_that_leads_elsewhere(healthy, system):
    elsewhere = replace(healthy, public_url=system.issuer_url)

    assert "no gateway of ours" in await problem(elsewhere, "public-address")


async def test_a_service_that_cannot_reach_its_database(healthy, administer, system):
    """It says no at /readyz, though the gateway and the service answer."""
    administer(
        "postgres",
        "ALTER DATABASE webhooks ALLOW_CONNECTIONS false",
        undo="ALTER DATABASE webhooks ALLOW_CONNECTIONS true",
    )
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'webhooks'"
    run_sql(system.postgres.dsn("postgres"), [ended])
    try:
        assert "/readyz answers 503" in await problem(healthy, "service")
    finally:
        run_sql(system.postgres.dsn("postgres"), ["ALTER DATABASE webhooks ALLOW_CONNECTIONS true"])
        while await found(healthy, "service"):
            await asyncio.sleep(0.1)
