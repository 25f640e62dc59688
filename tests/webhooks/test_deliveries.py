"""Events are delivered: to each endpoint, signed, in the order of a subject, until taken."""

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from standardwebhooks.webhooks import WebhookVerificationError

from services.webhooks.commands.deliveries import end_overdue
from services.webhooks.domain.deliveries import RetryPolicy
from shared.postgres.statements import text
from tests.deliveries import a_delivery
from tests.webhooks.conftest import QUICK, eventually, gifts, key, reversals


async def test_an_event_is_posted_as_teams_with_a_broker_get_it(
    add, hear, working, receiver, ended
):
    made = await add(receiver.url)
    (sent,) = gifts(1)

    await hear(sent)
    async with working():
        assert await ended() == {"delivered": 1}

    (got,) = receiver.taken
    published = a_delivery(sent)
    assert got.id == published.message_id
    expected = {**json.loads(published.body), "time": got.document["time"]}
    assert got.document == expected
    assert got.headers["content-type"].startswith("application/cloudevents+json")
    assert got.verify(made["secret"]) == got.document


async def test_what_was_changed_on_its_way_is_not_verified(add, hear, working, receiver, ended):
    made = await add(receiver.url)
    await hear(*gifts(1))
    async with working():
        await ended()

    (got,) = receiver.taken
    changed = type(got)(got.headers, got.body.replace(b'"coins":10', b'"coins":99'), got.at)

    with pytest.raises(WebhookVerificationError):
        changed.verify(made["secret"])


async def test_each_endpoint_gets_the_events_it_chose_once(
    add, hear, working, receiver, ended, states
):
    await add(receiver.url, "gift.sent")
    await add(receiver.url, "gift.sent", "gift.reversed")
    (sent,) = gifts(1)
    told = [sent, *reversals(sent, 1)]

    for _ in range(3):
        await hear(*told)
    async with working():
        assert await ended() == {"delivered": 3}
        await hear(*told)
        assert await states() == {"delivered": 3}

    names = sorted(each.document["type"].split(".")[3] for each in receiver.taken)
    assert names == ["reversed", "sent", "sent"]


async def test_what_is_not_taken_is_posted_again_with_the_same_id(
    add, hear, working, receiver, ended, charts
):
    made = await add(receiver.url)
    answers = iter([500, 302, web.Response(status=404, text="not here"), 200])
    receiver.answer = lambda _: next(answers)
    await hear(*gifts(1))

    async with working():
        assert await ended() == {"delivered": 1}

    assert len({each.id for each in receiver.received}) == 1
    (event,) = receiver.times_taken()
    path = f"/v1/teams/me/endpoints/{made['endpoint']}/deliveries"
    log = (await charts.get(f"{path}/{event}")).json()
    assert [each["status"] for each in log["tried"]] == [200, 404, 302, 500]
    assert log["tried"][1]["answer"] == "not here"
    assert (log["state"], log["attempts"]) == ("delivered", 4)


async def test_an_answer_that_is_long_or_hostile_is_kept_as_a_short_text(
    add, hear, working, receiver, ended, charts
):
    made = await add(receiver.url)
    receiver.answer = lambda _: web.Response(status=200, body=b"\x00\x1b[31m\xff\n" * 1_000_000)
    await hear(*gifts(1))

    async with working():
        await ended()

    (event,) = receiver.times_taken()
    path = f"/v1/teams/me/endpoints/{made['endpoint']}/deliveries/{event}"
    (tried,) = (await charts.get(path)).json()["tried"]
    assert len(tried["answer"]) <= 500
    assert tried["answer"].isprintable()


async def test_an_endpoint_that_does_not_answer_in_time_is_asked_again(
    add, hear, working, receiver, ended, charts
):
    made = await add(receiver.url)

    async def first_too_late(_):
        if len(receiver.received) == 1:
            await receiver.stopped.wait()
        return 200

    receiver.answer = first_too_late
    await hear(*gifts(1))
    async with working(answer_seconds_max=0.2):
        await ended()

    (event,) = receiver.times_taken()
    path = f"/v1/teams/me/endpoints/{made['endpoint']}/deliveries/{event}"
    tried = (await charts.get(path)).json()["tried"]
    assert [(each["status"], each["error"]) for each in tried] == [(200, None), (None, "timeout")]


async def test_facts_of_one_subject_arrive_in_order_and_others_do_not_wait_for_them(
    add, hear, working, receiver, ended
):
    await add(receiver.url)
    (slow, *others) = gifts(10)
    stuck = asyncio.Event()

    def refuse_the_first(got):
        if got.document["type"].endswith("gift.reversed.v1"):
            revision = got.document["data"]["revision"]
            return 200 if revision > 1 or stuck.is_set() else 500
        return 200

    receiver.answer = refuse_the_first
    await hear(*reversals(slow, 5), *others)

    async with working():

        async def others_are_there():
            return len(receiver.taken) == len(others)

        await eventually(others_are_there)
        assert not [each for each in receiver.taken if "reversed" in each.document["type"]]
        stuck.set()
        await ended()

    told = receiver.taken_by_subject()[str(slow.gift)]
    assert [each["data"]["revision"] for each in told] == [1, 2, 3, 4, 5]


async def test_what_was_published_first_is_posted_first_in_whatever_order_it_came(
    add, hear, working, receiver, ended
):
    await add(receiver.url)
    (gift,) = gifts(1)
    told = list(enumerate(reversals(gift, 6), start=1))
    random.Random(7).shuffle(told)

    for sequence, event in told:
        await hear(event, sequence=sequence)
    async with working():
        await ended()

    taken = receiver.taken_by_subject()[str(gift.gift)]
    assert [each["data"]["revision"] for each in taken] == [1, 2, 3, 4, 5, 6]


async def test_an_endpoint_is_asked_by_so_many_at_once_and_no_more(
    add, hear, working, receiver, ended
):
    await add(receiver.url)

    async def slowly(_):
        await asyncio.sleep(0.05)
        return 200

    receiver.answer = slowly
    await hear(*gifts(40))
    async with working(per_endpoint=3), working(per_endpoint=3):
        await ended()

    assert receiver.at_once_max <= 3
    assert set(receiver.times_taken().values()) == {1}


async def test_an_endpoint_that_is_gone_gets_nothing_more_until_it_is_enabled(
    add, hear, working, receiver, charts, states, ops
):
    made = await add(receiver.url)
    path = f"/v1/teams/me/endpoints/{made['endpoint']}"
    receiver.answer = lambda _: 410
    await hear(*gifts(1))

    async with working():

        async def is_gone():
            return (await charts.get(path)).json()["disabled"] == "gone"

        await eventually(is_gone)
        await hear(*gifts(1))
        assert await states() == {"failed": 1}

        receiver.answer = lambda _: 200
        enabled = (await charts.patch(path, json={"enabled": True})).json()
        assert (enabled["enabled"], enabled["disabled"]) == (True, None)
        replayed = await charts.post(f"{path}/replays", json={"failed": True}, headers=key())
        assert replayed.json() == {"deliveries": 1}

        async def all_taken():
            return len(receiver.taken) == 1

        await eventually(all_taken)


@pytest.mark.parametrize("status", [429, 503])
async def test_an_endpoint_says_when_it_may_be_asked_again(
    add, hear, working, receiver, ended, status
):
    await add(receiver.url)
    asked_at = []

    def once_too_much(got):
        asked_at.append(got.at)
        if len(asked_at) == 1:
            return web.Response(status=status, headers={"Retry-After": "2"})
        return 200

    receiver.answer = once_too_much
    await hear(*gifts(1))
    async with working():
        await ended()

    assert asked_at[1] - asked_at[0] >= timedelta(seconds=1.9)


async def test_a_date_that_an_endpoint_names_is_waited_for_but_not_for_days(
    add, hear, working, receiver, charts
):
    made = await add(receiver.url)
    path = f"/v1/teams/me/endpoints/{made['endpoint']}"
    later = format_datetime(datetime.now(UTC) + timedelta(days=40), usegmt=True)
    receiver.answer = lambda _: web.Response(status=503, headers={"Retry-After": later})
    await hear(*gifts(1))

    async with working():

        async def is_paused():
            return (await charts.get(path)).json()["paused_until"]

        paused = datetime.fromisoformat(await eventually(is_paused))

    assert timedelta(minutes=58) < paused - datetime.now(UTC) <= timedelta(hours=1)


class TestGivenUp:
    """What is not taken for days is given up, counted, and can be sent again."""

    @pytest.fixture
    def policy(self):
        return RetryPolicy(
            first_seconds=0.02, factor=1.5, seconds_max=0.05, lasts=timedelta(seconds=0.4)
        )

    async def test_it_fails_and_a_replay_sends_it_again_with_the_same_id(
        self, add, hear, working, receiver, ended, charts
    ):
        made = await add(receiver.url)
        path = f"/v1/teams/me/endpoints/{made['endpoint']}"
        receiver.answer = lambda _: 500
        await hear(*gifts(2))
        async with working():
            assert await ended() == {"failed": 2}

        refused = {each.id for each in receiver.received}
        receiver.answer = lambda _: 200
        body, header = {"failed": True}, key()
        for _ in range(2):
            answer = await charts.post(f"{path}/replays", json=body, headers=header)
            assert answer.json() == {"deliveries": 2}
        async with working():
            assert await ended() == {"delivered": 2}

        assert receiver.times_taken() == dict.fromkeys(refused, 1)

    async def test_what_waits_for_an_endpoint_that_is_disabled_fails_in_time_too(
        self, add, hear, database, charts, states
    ):
        made = await add("https://nobody.example/")
        await hear(*gifts(1))
        path = f"/v1/teams/me/endpoints/{made['endpoint']}"
        await charts.patch(path, json={"enabled": False})

        async def has_failed():
            async with database.transaction() as tx:
                await end_overdue(tx)
            return await states() == {"failed": 1}

        await eventually(has_failed)


async def test_a_lease_of_a_process_that_died_ends_and_nothing_is_lost(
    add, hear, working, receiver, ended, database
):
    await add(receiver.url)
    await hear(*gifts(5))
    async with database.transaction() as tx:
        await tx.execute(
            text("""
                UPDATE deliveries SET lease = gen_random_uuid(), attempts = 1,
                    due_at = now() + interval '1 second'
            """)
        )

    async with working():
        assert await ended() == {"delivered": 5}

    assert set(receiver.times_taken().values()) == {1}


async def test_what_a_team_may_not_have_any_more_is_not_sent(
    add, hear, working, receiver, ended, as_admin
):
    await add(receiver.url)
    (gift,) = gifts(1)
    await hear(gift, *reversals(gift, 1))
    as_admin("DELETE FROM grants WHERE event = 'gift.reversed'")

    async with working():
        assert await ended() == {"delivered": 1, "cancelled": 1}
    await hear(*reversals(gift, 2))

    (got,) = receiver.taken
    assert got.document["type"] == "dev.ovation.gift.sent.v1"


async def test_a_deleted_endpoint_gets_nothing_more(
    add, hear, working, receiver, charts, states, database
):
    made = await add(receiver.url)
    await hear(*gifts(1))
    path = f"/v1/teams/me/endpoints/{made['endpoint']}"
    assert (await charts.delete(path)).status_code == 204
    await hear(*gifts(1))

    async with database.transaction() as tx:
        await end_overdue(tx)

    assert await states() == {"cancelled": 1}
    assert (await charts.get(path)).status_code == 404


@pytest.mark.parametrize("attempts", [1, 5, 50])
def test_pauses_grow_and_have_an_end(attempts):
    policy = RetryPolicy()
    shortest, longest = (policy.wait_seconds(attempts, jitter) for jitter in (0.0, 1.0))

    assert shortest < longest <= policy.seconds_max * 1.2001
    assert policy.wait_seconds(attempts + 1, 0.5) >= policy.wait_seconds(attempts, 0.5)
    assert QUICK.lasts == policy.lasts == timedelta(days=3)
