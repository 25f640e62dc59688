"""What was given before a goal or a perk was set up is counted, and keeps nobody waiting."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.live import jobs
from services.live.api.setup_slots import SLOTS
from services.live.commands import perks
from services.live.commands.goal_backfill import finish_backfills
from services.live.domain.goals import PAST_GOALS_AN_HOUR_MAX
from services.live.store import goal_backfill
from services.live.store.batch_locks import lock_batch
from shared.postgres.statements import text
from tests.live.conftest import SOON_SECONDS, a_gift_sent, a_reversal, key

GOALS = "/v1/creators/me/goals"
PERKS = "/v1/creators/me/perks"
LONG_AGO = timedelta(days=30)


@pytest.fixture(autouse=True)
async def lea_is_live(lea):
    await lea.put("/v1/rooms/room-1/stream", json={})


def a_past_goal(coins=1_000):
    begins = (datetime.now(UTC) - LONG_AGO).isoformat()
    return {"title": "A year of songs", "target_coins": coins, "starts_at": begins}


class Pause:
    """Lets something of ours begin, and go on when the test says so."""

    def __init__(self, real, *, before):
        self._real, self._before = real, before
        self.reached, self.going_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, *arguments):
        found = None if self._before else await self._real(*arguments)
        self.reached.set()
        await self.going_on.wait()
        return await self._real(*arguments) if self._before else found


@pytest.fixture
def paused(monkeypatch):
    def stop(name, *, before=True):
        pause = Pause(getattr(goal_backfill, name), before=before)
        monkeypatch.setattr(goal_backfill, name, pause)
        return pause

    return stop


async def backfill_perks(database):
    (job,) = (job for job in jobs.build(database) if job.name == "backfill-perks")
    return await job.run()


async def progress_of(creator):
    (goal,) = (await creator.get(GOALS)).json()["goals"]
    return goal["progress_coins"], goal["contributors"], goal["reached"]


async def test_gifts_do_not_wait_while_the_past_of_a_goal_is_read(
    lea, receive, look, paused, published
):
    """Nothing is counted twice and nothing is missed: not what comes, not what is taken back."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    old, taken = a_gift_sent(100, viewer="ann"), a_gift_sent(70, viewer="ben")
    await receive(old, taken, at=yesterday)
    reading = paused("read_past")
    asking = asyncio.create_task(lea.post(GOALS, json=a_past_goal(130), headers=key()))
    await asyncio.wait_for(reading.reached.wait(), SOON_SECONDS)

    # More is taken back than came since: the goal has less than nothing for a moment.
    await asyncio.wait_for(receive(a_reversal(taken, 1, 60)), SOON_SECONDS)
    assert await progress_of(lea) == (0, 0, False)
    await asyncio.wait_for(receive(a_gift_sent(20, viewer="cem")), SOON_SECONDS)
    await asyncio.wait_for(receive(a_gift_sent(5), at=yesterday), SOON_SECONDS)
    reading.going_on.set()
    answer = await asyncio.wait_for(asking, SOON_SECONDS)

    assert answer.status_code == 201, answer.text
    # 100 + 70 - 60 + 20 + 5, from ann, ben, cem and mira.
    assert await progress_of(lea) == (135, 4, True)
    assert answer.json()["progress_coins"] == 135
    assert [fact["progress_coins"] for fact in await published("live.goal_reached")] == [135]
    assert (await look())["coins"] == 135


async def test_what_is_counted_before_the_lock_is_given_is_part_of_the_past(lea, receive, database):
    """A request waits for a batch that counts: its snapshot begins after that, not before."""
    async with database.transaction() as tx:
        await lock_batch(tx, rooms=[], gifts=[], creators=["lea"])
        asking = asyncio.create_task(lea.post(GOALS, json=a_past_goal(), headers=key()))
        await asyncio.sleep(0.2)
        await tx.execute(
            text("""
                INSERT INTO gifts (gift, room, viewer, creator, coins, anonymous, sent_at,
                    first_generation, generation)
                VALUES (gen_random_uuid(), NULL, 'ann', 'lea', 40, false, now(), 0, 0)
            """)
        )
    answer = await asyncio.wait_for(asking, SOON_SECONDS)

    assert answer.json()["progress_coins"] == 40


async def test_goals_of_the_past_can_be_set_so_many_times_an_hour(lea, otto):
    for _ in range(PAST_GOALS_AN_HOUR_MAX):
        set_up = await lea.post(GOALS, json=a_past_goal(), headers=key())
        assert (await lea.delete(f"{GOALS}/{set_up.json()['goal']}")).status_code == 204

    refused = await lea.post(GOALS, json=a_past_goal(), headers=key())

    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-past-goals")
    assert refused.json()["an_hour_max"] == PAST_GOALS_AN_HOUR_MAX
    assert 3_000 < int(refused.headers["Retry-After"]) <= 3_600
    assert (await lea.get(GOALS)).json()["goals"] == []
    now = {"title": "From now on", "target_coins": 5}
    assert (await lea.post(GOALS, json=now, headers=key())).status_code == 201
    assert (await otto.post(GOALS, json=a_past_goal(), headers=key())).status_code == 201


async def test_a_goal_whose_past_was_not_added_gets_it_later(lea, receive, database, monkeypatch):
    """The request that set it was interrupted, and gifts went on."""
    await receive(a_gift_sent(100, viewer="ann"), at=datetime.now(UTC) - timedelta(days=1))
    with monkeypatch.context() as broken:
        broken.setattr(goal_backfill, "read_past", _fail)
        assert (await lea.post(GOALS, json=a_past_goal(), headers=key())).status_code == 500
    await receive(a_gift_sent(30), a_gift_sent(7, viewer="ann", anonymous=True))
    assert await progress_of(lea) == (37, 1, False)

    await finish_backfills(database)
    assert await progress_of(lea) == (37, 1, False), "it may still be on its way"
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE goals SET created_at = now() - interval '1 hour'"))
    for _ in range(2):
        await finish_backfills(database)
        assert await progress_of(lea) == (137, 2, False)
    await receive(a_gift_sent(1))
    assert await progress_of(lea) == (138, 2, False)


async def _fail(*_):
    raise RuntimeError("the process ended here")


async def test_a_goal_set_during_a_rebuild_counts_everything_once(lea, receive, rebuild, paused):
    yesterday = datetime.now(UTC) - timedelta(days=1)
    old = a_gift_sent(100, viewer="ann")
    await receive(old, at=yesterday)
    adding = paused("close_backfill")
    asking = asyncio.create_task(lea.post(GOALS, json=a_past_goal(), headers=key()))
    await asyncio.wait_for(adding.reached.wait(), SOON_SECONDS)

    await rebuild.begin()
    adding.going_on.set()
    assert (await asyncio.wait_for(asking, SOON_SECONDS)).status_code == 201
    await receive(old, at=yesterday)

    assert await progress_of(lea) == (100, 1, False)


async def test_those_who_wait_to_set_something_up_leave_others_their_connections(
    lea, mira, database
):
    """A batch counts for a long time, and many requests have to wait for it."""
    perk = {"kind": "custom", "title": "A song", "threshold_coins": 100}
    async with database.transaction() as tx:
        await lock_batch(tx, rooms=[], gifts=[], creators=["lea"])
        wanted = [lea.post(GOALS, json=a_past_goal(), headers=key()) for _ in range(10)]
        wanted += [lea.post(PERKS, json=perk, headers=key()) for _ in range(10)]
        waiting = asyncio.gather(*wanted)
        await asyncio.sleep(0.2)
        looked = [mira.get("/v1/rooms/room-1") for _ in range(20)]
        answers = await asyncio.wait_for(asyncio.gather(*looked), SOON_SECONDS)
        assert not waiting.done()
        refused = await asyncio.wait_for(waiting, SOON_SECONDS)

    assert {answer.status_code for answer in answers} == {200}
    problems = {(answer.status_code, answer.json()["code"]) for answer in refused}
    assert problems <= {(409, "try-again"), (503, "set-up-busy")}
    assert all(answer.headers["Retry-After"] for answer in refused)
    # Of ten connections: two of each that is being served, and one of this test.
    assert 2 * SLOTS + 1 < 10


async def test_a_perk_with_a_long_past_unlocks_it_in_goes_and_each_once(
    lea, receive, database, published
):
    many = 2 * perks.UNLOCKED_AT_A_TIME + 5
    async with database.transaction() as tx:
        await tx.execute(
            text("""
                INSERT INTO supporters (creator, viewer, gifts, coins, first_at)
                SELECT 'lea', 'viewer-' || number, 1, 100, now()
                FROM generate_series(1, CAST(:many AS integer)) AS number
            """),
            {"many": many},
        )
    perk = {"kind": "custom", "title": "A song", "threshold_coins": 100}
    offered = await lea.post(PERKS, json=perk, headers=key())

    assert offered.status_code == 201
    assert len(await published("live.perk_unlocked")) == perks.UNLOCKED_AT_A_TIME
    # A gift meanwhile entitles its viewer, and only once.
    await receive(a_gift_sent(1, viewer=f"viewer-{many}"), a_gift_sent(100))
    goes = 1
    while await backfill_perks(database):
        goes += 1
    assert goes == 2
    unlocked = [fact["viewer"] for fact in await published("live.perk_unlocked")]
    assert len(unlocked) == len(set(unlocked)) == many + 1
    # As much again asks for nothing, and less asks again.
    address = f"{PERKS}/{offered.json()['perk']}"
    assert (await lea.put(address, json=perk)).status_code == 200
    assert await backfill_perks(database) is False


async def test_the_gifts_of_one_creator_are_found_without_those_of_others(database):
    async with database.transaction() as tx:
        await tx.execute(
            text("""
                INSERT INTO gifts (gift, room, viewer, creator, coins, anonymous, sent_at,
                    first_generation, generation)
                SELECT gen_random_uuid(), NULL, 'ann', 'creator-' || number % 500, 1, false,
                    now() - number * interval '1 minute', 0, 0
                FROM generate_series(1, 20000) AS number
            """)
        )
        plan = await tx.execute(
            text("""
                EXPLAIN SELECT sum(coins) FROM gifts
                WHERE creator = 'lea' AND sent_at >= now() - interval '89 days'
            """)
        )
    assert "gifts_by_creator" in "\n".join(row[0] for row in plan)
