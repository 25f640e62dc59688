"""Where parts are, what brings them elsewhere, and what is refused because it would lose them."""

import asyncpg
import pytest

from deploy.config.databases import run_sql
from deploy.ctl.parts import HERE, CannotPlace, Placed, Places, plan_move

NODES = ["db-1:5432", "db-2:5432"]
PLACED = [Placed(part, f"part_{part:02}", NODES[part % 2], 0) for part in range(16)]


@pytest.fixture
def parted(database_of):
    return database_of("wallet", part_count=16)


@pytest.fixture
async def places(parted, postgres):
    db = await asyncpg.connect(postgres.dsn(parted.name))
    yield Places(db, "wallet", 16)
    await db.close()


async def test_on_a_plain_server_all_parts_are_here(places):
    found = await places.placed()

    assert [each.part for each in found] == [*range(16)]
    assert {each.node for each in found} == {HERE}
    assert min(each.size for each in found) > 0


async def test_a_plain_server_has_nothing_to_place(places):
    for work in (places.placing(), places.moving(3, "db-2:5432")):
        with pytest.raises(CannotPlace, match="plain PostgreSQL"):
            await work


async def test_whole_parts_have_no_faults(places):
    assert await places.findings() == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("DROP SCHEMA part_03 CASCADE", "part_03 is missing"),
        ("CREATE SCHEMA part_16", "part_16 is no part"),
        ("UPDATE part_05.alembic_version SET version_num = '0001'", "part_05 has had migrations"),
        (
            "INSERT INTO part_00.suspensions (user_id, suspended) VALUES ('mira', true)",
            "part_00.suspensions has 1 rows of users of other parts",
        ),
    ],
)
async def test_what_is_wrong_with_the_parts_is_found(places, parted, postgres, change, fault):
    dsn = postgres.dsn(parted.name)
    run_sql(dsn, ["DROP SCHEMA every_part CASCADE", change])

    (found,) = await places.findings()

    assert fault in found
    # The harness looks for such rows after the test.
    run_sql(dsn, ["DELETE FROM part_00.suspensions"])


async def test_a_viewer_in_another_part_is_found_in_tables_that_call_users_viewers(
    database_of, postgres
):
    gifts = database_of("gift", part_count=16)
    dsn = postgres.dsn(gifts.name)
    run_sql(
        dsn, ["INSERT INTO part_00.gifter_levels (viewer, revision, level) VALUES ('mira', 1, 1)"]
    )
    db = await asyncpg.connect(dsn)

    found = await Places(db, "gift", 16).findings()

    await db.close()
    run_sql(dsn, ["DELETE FROM part_00.gifter_levels"])
    assert "part_00.gifter_levels has 1 rows of users of other parts" in found


def test_a_part_moves_to_another_node():
    assert plan_move(3, "db-1:5432", PLACED, NODES, prepared=0) == (
        "SELECT citus_schema_move('part_03', 'db-1', 5432)"
    )


@pytest.mark.parametrize(
    ("part", "node", "prepared", "why"),
    [
        (16, "db-1:5432", 0, "no part 16"),
        (3, "db-2:5432", 0, "on db-2:5432 already"),
        (3, "db-3:5432", 0, "no active node"),
        (3, "db-1", 0, "host:port"),
        (3, "db-1:5432'; DROP TABLE entries; --", 0, "host:port"),
        (3, "db-1:5432", 1, "prepared transactions"),
    ],
)
def test_what_would_lose_a_part_is_refused(part, node, prepared, why):
    with pytest.raises(CannotPlace, match=why):
        plan_move(part, node, PLACED, NODES, prepared=prepared)


def test_a_part_that_no_engine_has_is_not_moved():
    placed = [Placed(3, "part_03", HERE, 0)]

    with pytest.raises(CannotPlace, match="not distributed"):
        plan_move(3, "db-1:5432", placed, NODES, prepared=0)
