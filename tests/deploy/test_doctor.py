"""Each fault of an installation is planted on real servers, and the doctor names it."""

import asyncio
import json
import shutil
import ssl
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from typer.testing import CliRunner

from deploy.config.databases import in_own_thread, run_sql
from deploy.config.secret_files import write_secrets
from deploy.config.services import SERVICES
from deploy.ctl.__main__ import app
from deploy.ctl.doctor import broker, clocks, disks, examine, schemas
from deploy.ctl.doctor.checks import BY_NAME, CHECKS
from deploy.ctl.doctor.findings import Examined, Limits, State
from deploy.ctl.installation import Installation
from deploy.harness.rabbitmq import LocalRabbit
from shared.messaging.topology import topology, users

NOWHERE = "127.0.0.1:9"
ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "operations" / "doctor.md"
# How PostgreSQL is asked whether it speaks TLS, and how it says that it does.
SSL_REQUEST, YES = b"\x00\x00\x00\x08\x04\xd2\x16/", b"S"


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


async def test_an_installation_that_runs_well_has_no_finding_but_its_fast_disk(healthy):
    findings = await examine(healthy, CHECKS)

    # Servers of tests do not wait for the disk: the only fault here, and it is named.
    assert {(each.check, each.state) for each in findings} == {("durability", State.WRONG)}
    assert {each.problem.split(":")[0] for each in findings} == {
        "fsync = off",
        "full_page_writes = off",
    }


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


@pytest.fixture
def own_vhost(healthy, vhost):
    """The same installation with a vhost of this test alone."""
    return replace(healthy, servers=replace(healthy.servers, vhost=vhost))


async def test_a_binding_that_is_missing_and_a_queue_of_another_type(own_vhost, rabbit, vhost):
    assert await found(own_vhost, "topology") == []
    rabbit.manage("DELETE", f"/api/bindings/{vhost}/e/ovation.events.gift/q/live.gifts/gift.sent")
    rabbit.manage("DELETE", f"/api/queues/{vhost}/webhooks.events")
    rabbit.manage("PUT", f"/api/queues/{vhost}/webhooks.events", {"durable": True})

    findings = {each.place: each.problem for each in await found(own_vhost, "topology")}

    assert findings["ovation.events.gift live.gifts queue gift.sent"] == "bindings: missing"
    assert findings["webhooks.events"] == "queues: other arguments"


async def test_dead_letters_above_the_limit(own_vhost, rabbit, vhost):
    message = {
        "properties": {},
        "routing_key": "live.gifts.dlq",
        "payload": "lost",
        "payload_encoding": "string",
    }
    rabbit.manage("POST", f"/api/exchanges/{vhost}/amq.default/publish", message)
    # The broker counts its messages every few seconds.
    while not rabbit.manage("GET", f"/api/queues/{vhost}/live.gifts.dlq").get("messages"):
        await asyncio.sleep(0.1)

    assert await problem(own_vhost, "dead-letters") == "live.gifts: 1 dead letters; the limit is 0"
    assert await found(replace(own_vhost, limits=Limits(dead_letters=1)), "dead-letters") == []


async def test_a_broker_that_stops_publishers(healthy, credentials):
    """A node of its own: an alarm of the one that all tests share would stop them."""
    limits = {"disk_free_limit.absolute": "8000GB", "vm_memory_high_watermark.absolute": "1MB"}
    with LocalRabbit(limits) as node:
        node.load(topology())
        node.load(users(credentials.broker))
        servers = replace(
            healthy.servers, rabbit=node.management_url, broker=node.place, vhost="ovation"
        )
        stopped = replace(healthy, servers=servers)
        deadline = time.monotonic() + 60
        while len(findings := await found(stopped, "broker-alarm")) < 2:
            assert time.monotonic() < deadline, findings
            await asyncio.sleep(0.2)

    assert [each.problem.split(":")[0] for each in findings] == ["memory alarm", "disk alarm"]


async def test_disks_that_are_nearly_full(healthy, monkeypatch, tmp_path):
    monkeypatch.setattr(disks, "FREE_SHARE_MIN", 1.1)
    monkeypatch.setattr(broker, "DISK_MARGIN", 1_000_000_000)
    archives = replace(healthy, archive=str(tmp_path))

    places = {each.place for each in await found(archives, "disk")}
    assert str(tmp_path) in places
    assert "publishers are stopped" in await problem(healthy, "broker-disk")


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


@pytest.fixture
def secret_files(tmp_path, healthy):
    folder = tmp_path / "secrets"
    write_secrets(folder, tmp_path / "20-users.json")
    return replace(healthy, secrets=folder), folder


async def test_secret_files_that_are_missing_empty_or_open_to_all(secret_files):
    examined, folder = secret_files
    assert await found(examined, "secret-files") == []
    (folder / "gift_owner_password").unlink()
    (folder / "erlang_cookie").chmod(0o644)
    (folder / "erlang_cookie").write_text("\n")

    findings = {
        Path(each.place).name: each.problem for each in await found(examined, "secret-files")
    }
    assert findings == {
        "gift_owner_password": "the file is missing",
        "erlang_cookie": "the file is empty",
    }

    folder.chmod(0o755)
    findings = await found(examined, "secret-files")
    opened = [each for each in findings if "every user of this machine" in each.problem]
    assert {"postgres_admin_password", "wallet_broker_password"} <= {
        Path(each.place).name for each in opened
    }
    assert opened[0].action == f"chmod 0700 {folder}"


async def test_keys_of_an_issuer_that_cannot_be_used(healthy, system, monkeypatch):
    monkeypatch.setenv("OVATION_JWKS_URL", f"http://{NOWHERE}/keys")
    assert "no usable key at" in await problem(healthy, "issuer-keys")

    monkeypatch.setenv("OVATION_JWKS_URL", f"{system.gateway_url}/openapi.json")
    assert "no usable key at" in await problem(healthy, "issuer-keys")

    monkeypatch.delenv("OVATION_JWKS_URL")
    (finding,) = await found(healthy, "issuer-keys")
    assert finding.state is State.UNKNOWN


async def test_keys_over_http_without_leave(healthy, monkeypatch):
    monkeypatch.delenv("OVATION_ALLOW_INSECURE_ISSUER")

    assert "can sign any token" in await problem(healthy, "issuer-keys")


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


async def test_rules_that_a_service_would_not_start_with(healthy, tmp_path):
    rules = tmp_path / "rules.toml"
    shutil.copy(ROOT / "seeds" / "rules.toml", rules)
    rules.write_text(rules.read_text().replace("[payout_reviews]", "[payout_review]"))
    broken = replace(healthy, seeds={**healthy.seeds, "PAYOUT_RULES_FILE": rules})

    assert "PAYOUT_RULES_FILE cannot be used" in await problem(broken, "seeds")


async def test_practice_money_at_a_public_address(healthy):
    public = replace(healthy, public_url="https://coins.example")

    assert "practice money buys coins there" in await problem(public, "test-payments")


async def test_a_test_key_where_real_money_moves(secret_files):
    examined, folder = secret_files
    key = folder / "purchase_providers" / "purchase_stripe_api_key"
    key.write_text("sk_test_1")

    live = replace(examined, takes_test_payments=False)
    assert "a key of the provider's test environment" in await problem(live, "test-payments")


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
