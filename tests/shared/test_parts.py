"""Users are spread over parts: each is found in their own, and nowhere else."""

import asyncio
from collections import Counter
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest

from deploy.config.databases import database_sql, fetch, in_own_thread, quoted, run_sql, schema_sql
from services.wallet import consumers
from services.wallet.main import read_rules
from shared.contracts.wallet import BlockSealed
from shared.postgres.database import LANE_SECONDS_MAX, Database, require_recorded_parts
from shared.postgres.migrate import migrate
from shared.postgres.parts import PARTS_ALLOWED, PartsDiffer, part_of, require_part_count, schema_of
from shared.postgres.role_settings import LOCK_TIMEOUT
from shared.postgres.statements import text
from shared.runtime.service import in_each_part
from tests.deliveries import a_broker, a_delivery, announced
from tests.wallet.conftest import RULES_FILE, a_gift_requested, a_purchase_paid, settings

__all__ = ["settings"]

USERS = text("SELECT DISTINCT user_id FROM accounts")
OPEN = text("INSERT INTO accounts (user_id, kind, asset) VALUES (:user, 'main', 'coins')")
PLACED = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^part_' ORDER BY 1"


@pytest.fixture
def parted(database_of):
    """The wallet's database of an installation with 16 parts."""
    return database_of("wallet", part_count=16)


@pytest.fixture
def empty(postgres, credentials):
    """An empty database of the wallet: the address of its owner."""
    name = f"test_parts_{uuid4().hex[:8]}"
    run_sql(postgres.dsn(), database_sql("wallet", name))
    run_sql(postgres.dsn(name), schema_sql("wallet"))
    owner = "wallet_owner"
    yield postgres.dsn(name, user=owner, password=credentials.database[owner])
    run_sql(postgres.dsn(), [f"DROP DATABASE {quoted(name)} WITH (FORCE)"])


@pytest.mark.parametrize(
    ("user", "of_16", "of_64"),
    [("mira", 12, 60), ("lea", 2, 2), ("otto", 9, 9), ("Żółć", 4, 52), ("", 3, 35)],
)
def test_a_users_part_never_changes(user, of_16, of_64):
    """Another answer would not find the money of anyone: these are kept for ever."""
    assert [part_of(user, count) for count in (1, 16, 64)] == [0, of_16, of_64]


def test_users_are_spread_evenly():
    sizes = Counter(part_of(f"user-{number}", 64) for number in range(64_000))

    assert len(sizes) == 64
    assert max(sizes.values()) < 1_200


@pytest.mark.parametrize("count", [0, 2, 15, 256])
def test_only_some_numbers_of_parts_can_be_chosen(count):
    with pytest.raises(ValueError, match=", ".join(map(str, PARTS_ALLOWED))):
        require_part_count(count)


async def test_postgresql_computes_the_same_part(parted):
    asked = text("SELECT get_byte(sha256(convert_to(CAST(:user AS text), 'UTF8')), 0) % 16 AS part")
    for user in ("mira", "Żółć", "0"):
        async with parted.reference.transaction() as tx:
            assert (await tx.execute(asked, {"user": user})).scalar_one() == part_of(user, 16)


async def test_a_transaction_finds_nobody_of_another_part(parted):
    async with parted.part_for("mira").transaction() as tx:
        await tx.execute(OPEN, {"user": "mira"})

    found = []
    for part in parted.parts:
        async with part.transaction() as tx:
            found += [(part.number, row.user_id) for row in await tx.execute(USERS)]
    assert found == [(part_of("mira", 16), "mira")]


async def test_reference_has_no_users(parted):
    with pytest.raises(asyncpg.UndefinedTableError):
        async with parted.reference.transaction() as tx:
            await tx.execute(USERS)


async def test_a_transaction_that_names_no_part_is_a_mistake(parted):
    served = Database(parted.url, part_count=16)

    with pytest.raises(AssertionError, match="several parts"):
        served.transaction()
    await served.close()


async def test_many_transactions_at_once_need_no_more_sessions_than_before(parted):
    count = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")

    async def look(part):
        async with part.transaction() as tx:
            await tx.execute(text("SELECT pg_sleep(0.01)"))
            return (await tx.execute(count)).scalar_one()

    seen = await asyncio.gather(*(look(part) for part in (*parted.mailboxes, *parted.parts)))

    assert max(seen) <= 10


def test_a_lane_is_waited_for_longer_than_its_sessions_wait_for_rows():
    """Twice over: two that wait for a row may be followed by two that wait for the same."""
    assert 2 * float(LOCK_TIMEOUT.removesuffix("s")) < LANE_SECONDS_MAX


async def test_a_part_that_fails_keeps_no_other_from_its_turn(parted):
    done = []

    async def work(part):
        done.append(part.number)
        if part.number == 3:
            raise ZeroDivisionError
        return part.number == 1

    with pytest.raises(ZeroDivisionError):
        await in_each_part(parted, work)()

    assert done == [*range(16)]


async def test_a_batch_is_divided_by_the_users_of_its_facts(parted, settings):
    money, gifts = consumers.build(settings, read_rules(RULES_FILE), parted, a_broker("wallet"))
    viewers = [f"viewer-{number}" for number in range(40)]

    await money.receive([a_delivery(a_purchase_paid(viewer=viewer)) for viewer in viewers])
    await gifts.receive(
        [a_delivery(a_gift_requested(viewer=viewer, coins=n)) for viewer in viewers for n in (1, 2)]
    )

    paid = Counter(fact["viewer"] for fact in await announced(parted, "wallet.gift_paid"))
    assert paid == dict.fromkeys(viewers, 2)
    for part in parted.parts:
        async with part.transaction() as tx:
            users = {row.user_id for row in await tx.execute(USERS)}
        assert users == {each for each in viewers if part_of(each, 16) == part.number}


async def test_what_cannot_be_read_is_set_aside_in_the_schema_of_reference(parted, settings):
    money, _ = consumers.build(settings, read_rules(RULES_FILE), parted, a_broker("wallet"))
    wrong = replace(a_delivery(a_purchase_paid()), body=b"{")

    await money.receive([wrong, a_delivery(a_purchase_paid())])

    async with parted.reference.transaction() as tx:
        rows = await tx.execute(text("SELECT exchange FROM outbox"))
    assert [row.exchange for row in rows] == ["ovation.dlx"]
    assert len(await announced(parted, "wallet.coins_credited")) == 1


async def test_the_number_of_parts_is_kept_for_ever(empty):
    in_own_thread(lambda: migrate("wallet", empty, part_count=16))

    with pytest.raises(PartsDiffer, match="made with 16 parts, and the setting says 1"):
        in_own_thread(lambda: migrate("wallet", empty))
    with pytest.raises(PartsDiffer, match=r"set \.\.\._PARTS to 16"):
        in_own_thread(lambda: migrate("wallet", empty, part_count=64))
    assert [row["nspname"] for row in fetch(empty, PLACED)] == [schema_of(n) for n in range(16)]


async def test_a_service_that_is_told_another_number_does_not_start(parted):
    served = Database(parted.url, part_count=64)

    with pytest.raises(PartsDiffer, match=r"set \.\.\._PARTS to 16"):
        await require_recorded_parts(served)
    await served.close()
    await require_recorded_parts(parted)


async def test_a_migration_that_was_interrupted_goes_on_where_it_was(empty):
    in_own_thread(lambda: migrate("wallet", empty, part_count=16))
    run_sql(empty, ["DROP SCHEMA part_07 CASCADE", "DROP SCHEMA part_15 CASCADE"])

    in_own_thread(lambda: migrate("wallet", empty, part_count=16))

    counted = (
        "SELECT count(*) AS number FROM pg_tables WHERE schemaname ~ '^part_' GROUP BY schemaname"
    )
    assert len({row["number"] for row in fetch(empty, counted)}) == 1
    assert len(fetch(empty, PLACED)) == 16


def test_blocks_of_two_chains_are_two_facts():
    """They count alike, and receivers know a message by its id."""
    about = {"block": 1, "movements": 1, "hash": "0" * 64, "previous_hash": "0" * 64}
    ids = [BlockSealed(chain=chain, **about).id for chain in ("coins", "coins-07", "coins-12")]

    assert len(set(ids)) == 3
    # As it always was.
    assert str(ids[0]) == "5b5eb295-5a42-5cf8-9ca1-82f5a006e8dc"
