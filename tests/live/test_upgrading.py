"""Rooms that were counted before streams and levels were known, brought to what is known now."""

import json
import secrets as random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from deploy.config.databases import database_sql, in_own_thread, quoted, run_sql, schema_sql
from shared.postgres.database import Database
from shared.postgres.migrate import migrate
from tests.live.conftest import Rebuild, a_gift_sent, a_reversal

AT = datetime.now(UTC) - timedelta(days=30)
FED = ("gift", "viewer", "anonymous", "creator", "room", "gift_type", "count", "coins")


def as_version_2_had_them(gifts):
    """What that version wrote for gifts in rooms."""
    for number, gift in enumerate(gifts, 1):
        shown = gift.model_dump(mode="json", include={*FED}) | {"sent_at": AT.isoformat()}
        if gift.anonymous:
            shown["viewer"] = None
        else:
            yield (
                f"INSERT INTO scores VALUES ('room-1', '{gift.viewer}', 1, {gift.coins}, now())"
                f" ON CONFLICT (room, viewer) DO UPDATE SET coins = scores.coins + {gift.coins}"
            )
        yield (
            "INSERT INTO feed (room, sequence, gift, shown)"
            f" VALUES ('room-1', {number}, '{gift.gift}', '{json.dumps(shown)}')"
        )
    coins = sum(gift.coins for gift in gifts)
    yield f"INSERT INTO rooms VALUES ('room-1', {len(gifts)}, {len(gifts)}, {coins})"


@pytest.fixture
async def upgraded(postgres, credentials):
    """Make a database as version 2 left it, bring it to the newest, and open it."""
    name = f"test_live_{random.token_hex(4)}"
    run_sql(postgres.dsn(), database_sql("live", name))
    run_sql(postgres.dsn(name), schema_sql("live"))
    as_owner = postgres.dsn(name, user="live_owner", password=credentials.database["live_owner"])
    address = postgres.dsn(name, user="live", password=credentials.database["live"])
    database = Database(address)

    def bring(gifts):
        in_own_thread(lambda: migrate("live", as_owner, revision="0002"))
        run_sql(as_owner, as_version_2_had_them(gifts))
        in_own_thread(lambda: migrate("live", as_owner))

    gifts = [a_gift_sent(80), a_gift_sent(30, anonymous=True), a_gift_sent(5, viewer="jonas")]
    bring(gifts)
    yield database, gifts
    await database.close()
    run_sql(postgres.dsn(), [f"DROP DATABASE {quoted(name)} WITH (FORCE)"])


@pytest.fixture
def database(upgraded):
    return upgraded[0]


@pytest.fixture
def gifts(upgraded):
    return upgraded[1]


@pytest.fixture
def rebuild(database, owner_of):
    return Rebuild(database, owner_of(database))


@pytest.fixture
def shown(database):
    async def read(kind="gift"):
        async with database.transaction() as tx:
            rows = await tx.execute(text("SELECT subject, kind FROM feed ORDER BY sequence"))
            return [row.subject for row in rows if row.kind == kind]

    return read


async def test_old_gifts_received_again_count_once_and_are_not_shown_again(
    receive, gifts, look, shown
):
    await receive(*gifts, at=AT)
    await receive(*gifts, at=AT)

    room = await look()
    assert (room["gifts"], room["coins"]) == (3, 115)
    assert await shown() == [gift.gift for gift in gifts]


async def test_old_supporters_are_not_new_and_nothing_is_published_before_all_was_received(
    receive, gifts, published, shown, rebuild
):
    await receive(a_gift_sent(10))
    await rebuild.publish(given_up_seconds=0)

    assert await published(None) == []
    assert await shown("first_gift") == []
    assert len(await shown()) == 4


async def test_a_rebuild_counts_old_gifts_and_publishes_once(
    receive, gifts, look, shown, published, rebuild, mira
):
    new, late = a_gift_sent(10), a_gift_sent(200, room=None)
    await receive(new)
    await receive(a_reversal(gifts[0], 1, 20), a_reversal(gifts[1], 1, 10))
    await rebuild.begin()
    await receive(*gifts, late, at=AT)
    await receive(new, a_reversal(gifts[0], 1, 20), a_reversal(gifts[1], 1, 10))
    await rebuild.end_filling()
    await rebuild.publish()

    room = await look()
    assert (room["gifts"], room["coins"]) == (4, 60 + 20 + 5 + 10)
    assert await shown() == [gift.gift for gift in (*gifts, new)]
    assert await published("live.first_gift") == []
    levels = {fact["viewer"]: fact["given_coins"] for fact in await published("live.level_reached")}
    assert levels == {"mira": 60 + 20 + 10 + 200}
    # Afterwards all is as ever.
    await receive(a_reversal(gifts[0], 2, 80), a_reversal(gifts[1], 2, 30))
    await receive(a_gift_sent(1, viewer="cem"))
    assert (await look())["coins"] == 5 + 10 + 1
    assert (await mira.get("/v1/gifters/me")).json()["given_coins"] == 10 + 200
    assert [fact["viewer"] for fact in await published("live.first_gift")] == ["cem"]


async def test_an_empty_database_needs_no_rebuild(database_of):
    async with database_of("live").transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM rebuilds"))).scalar_one() == 0
