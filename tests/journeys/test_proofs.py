"""An auditor proves a running system, and finds whatever was done to it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deploy.config.databases import run_sql
from deploy.ctl import verification
from deploy.ctl.installation import Installation
from deploy.harness.system import System
from tests.journeys.people import eventually, stage_on


@pytest.fixture(scope="module")
def own_system():
    """A system of its own, for its books will be forged."""
    with System(fast=True) as system:
        yield system


@pytest.fixture
def stage(own_system):
    with stage_on(own_system) as stage:
        yield stage


@pytest.fixture
def installation(own_system):
    return Installation(
        postgres=f"{own_system.postgres.host}:{own_system.postgres.port}",
        rabbit=own_system.rabbit.management_url,
        broker=f"{own_system.rabbit.host}:{own_system.rabbit.port}",
        secret=own_system.secrets.read,
    )


@pytest.fixture
def given(stage):
    """A gift, all the way to its diamonds."""
    mira, lea = stage.person("mira", country="DE"), stage.person("lea")
    stage.buy(mira)
    assert stage.give(mira, lea.user, "g_glowbug").status_code == 201
    eventually(lambda: lea.get("/v1/earnings/me")["available_diamonds"] == 10)
    return mira


@pytest.fixture
def forge(own_system):
    """Do as an administrator what no service can, and undo it after the test."""
    undone = []

    def run(statement, undo, *, service="wallet"):
        run_sql(own_system.postgres.dsn(service), [statement])
        undone.append((service, undo))

    yield run
    for service, undo in undone:
        run_sql(own_system.postgres.dsn(service), [undo])


async def everything(installation):
    return {
        "wallet": await verification.verify(installation, "wallet"),
        "payout": await verification.verify(installation, "payout"),
        "wallet seals": await verification.verify_seals(installation, "wallet"),
        "payout seals": await verification.verify_seals(installation, "payout"),
        "services": await verification.compare(installation, hours=1, grace=timedelta()),
    }


async def sealed(own_system):
    def nothing_waits():
        from deploy.config.databases import fetch  # noqa: PLC0415

        query = "SELECT count(*) AS n FROM unsealed"
        return not any(
            fetch(own_system.postgres.dsn(service), query)[0]["n"]
            for service in ("wallet", "payout")
        )

    eventually(nothing_waits)


async def test_an_honest_system_is_proved(own_system, given, installation):
    await sealed(own_system)

    assert set((await everything(installation)).values()) == {True}


@pytest.mark.parametrize(
    ("found_by", "statement", "undo"),
    [
        (
            "wallet",
            "UPDATE accounts SET balance = balance + 1 WHERE kind = 'main' AND balance > 0",
            "UPDATE accounts SET balance = balance - 1 WHERE kind = 'main' AND balance > 1",
        ),
        (
            "wallet",
            (
                "ALTER TABLE entries DROP CONSTRAINT entry_sums_to_zero;"
                " UPDATE entries SET accounts = 'main', amounts = amounts[1:1],"
                " balances_after = balances_after[1:1] WHERE kind = 'gift'"
            ),
            (
                "UPDATE entries SET accounts = 'main,@spent', amounts = amounts || -amounts[1]"
                " WHERE kind = 'gift'"
            ),
        ),
        (
            "wallet seals",
            (
                "UPDATE entries SET accounts = accounts || ',@elsewhere,@nowhere',"
                " amounts = amounts || '{1,-1}'::bigint[] WHERE kind = 'gift'"
            ),
            (
                "UPDATE entries SET accounts = 'main,@spent', amounts = amounts[1:2]"
                " WHERE kind = 'gift'"
            ),
        ),
        (
            "wallet seals",
            "UPDATE entries SET result = result || '{\"coins\": 11}' WHERE kind = 'credit'",
            "UPDATE entries SET result = result || '{\"coins\": 100}' WHERE kind = 'credit'",
        ),
        (
            "wallet",
            "UPDATE lots SET remaining = remaining - 1, spent = spent + 1 WHERE remaining > 0",
            "UPDATE lots SET remaining = remaining + 1, spent = spent - 1 WHERE remaining > 0",
        ),
    ],
    ids=["balance", "posting deleted", "posting inserted", "outcome", "lot"],
)
async def test_a_forgery_is_found(
    own_system, given, installation, forge, found_by, statement, undo
):
    await sealed(own_system)

    forge(statement, undo)

    assert (await everything(installation))[found_by] is False


async def test_an_event_that_was_never_delivered_is_lost_and_named(
    own_system, given, installation, stage, capsys
):
    own_system.kill("payout")
    lea = stage.person("lea2")
    gift = stage.give(given, lea.user, "g_glowbug").json()["gift"]
    queue = "/api/queues/ovation/payout.gifts"
    eventually(lambda: own_system.rabbit.manage("GET", queue).get("messages"), seconds=30)
    assert await verification.compare(installation, hours=1, grace=timedelta()) is True
    assert f"{gift}: queue" in capsys.readouterr().out

    own_system.rabbit.manage("DELETE", f"{queue}/contents")
    own_system.start("payout")
    eventually(lambda: own_system.rabbit.manage("GET", queue).get("messages") == 0, seconds=30)

    assert await verification.compare(installation, hours=1, grace=timedelta()) is False
    assert f"{gift}: lost" in capsys.readouterr().out


async def test_the_auditor_compares_with_passwords_that_change_nothing(
    own_system, given, installation, stage, capsys
):
    def only_to_read(name):
        if name not in ("auditor_database_password", "auditor_broker_password"):
            raise SystemExit(f"{name} is not known here")
        return own_system.secrets.read(name)

    auditor = replace(installation, secret=only_to_read)
    own_system.kill("payout")
    gift = stage.give(given, stage.person("lea3").user, "g_glowbug").json()["gift"]
    queue = "/api/queues/ovation/payout.gifts"
    eventually(lambda: own_system.rabbit.manage("GET", queue).get("messages"), seconds=30)
    await verification.compare(auditor, hours=1, grace=timedelta())
    assert f"{gift}: queue" in capsys.readouterr().out

    own_system.rabbit.manage("DELETE", f"{queue}/contents")
    eventually(lambda: own_system.rabbit.manage("GET", queue).get("messages") == 0, seconds=30)
    assert await verification.compare(auditor, hours=1, grace=timedelta()) is False
    assert f"{gift}: lost" in capsys.readouterr().out
    own_system.start("payout")
